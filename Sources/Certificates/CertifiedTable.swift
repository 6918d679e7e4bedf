/// `certified.tsv`: the columns `idx label predict radius correct time` that the analysis scripts of Cohen et al. read.
///
/// `predict` is -1 for an abstention, `radius` is rounded down, never up, `correct` is 1 only for a certified class that
/// is the declared one, `time` is in seconds.
package enum CertifiedTable {
  package static let header = "idx\tlabel\tpredict\tradius\tcorrect\ttime"

  package static func row(_ certificate: SmoothingCertificate, seconds: Double) -> String {
    row(certificate, time: decimal(seconds, places: 3))
  }

  private static func row(_ certificate: SmoothingCertificate, time: String) -> String {
    let certified = certificate.decision == .certified
    return [
      String(certificate.index), String(certificate.label ?? -1),
      String(certified ? certificate.topClass ?? -1 : -1), certified ? certificate.radius : "0.0",
      certificate.isCorrect == true ? "1" : "0", time,
    ].joined(separator: "\t")
  }

  /// Makes the table agree with the certificates, keeping the times it already has, and opens it for appending.
  static func rewrite(_ path: String, for certificates: [SmoothingCertificate]) throws -> AppendOnlyFile {
    var times: [String: String] = [:]
    if let bytes = try DurableFile.read(path) {
      for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
        let fields = line.split(separator: "\t")
        if fields.count == 6 { times[String(fields[0])] = String(fields[5]) }
      }
    }
    let rows = certificates.map { row($0, time: times[String($0.index)] ?? "0.000") }
    let text = ([header] + rows).joined(separator: "\n") + "\n"
    try DurableFile.replace(path, with: Array(text.utf8))
    return try AppendOnlyFile(path, keeping: text.utf8.count)
  }

  /// A non-negative number with a fixed number of decimals, rounded to nearest.
  package static func decimal(_ x: Double, places: Int) -> String {
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    guard x.isFinite, x.magnitude * scale < 9e15 else { return "\(x)" }
    let scaled = Int((x.magnitude * scale).rounded())
    let digits = String(scaled)
    let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
    let sign = x < 0 && scaled != 0 ? "-" : ""
    return places == 0 ? sign + padded : sign + padded.dropLast(places) + "." + padded.suffix(places)
  }
}
