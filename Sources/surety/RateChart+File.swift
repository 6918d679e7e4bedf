import Certificates
import Reports

extension RateChart {
  /// Writes the drawing as an SVG file.
  func write(to path: String) throws { try DurableFile.replace(path, with: Array(document.utf8)) }
}
