import Hashing
import Inputs

/// One input, ready for the noise: the bytes X whose neighbourhood a certificate speaks about.
package struct PreparedInput: Sendable {
  package let index: Int
  package let name: String
  package let label: Int?
  package let content: Result<Content, InputError>

  package struct Content: Sendable {
    /// Rows, columns and channels, or the shape of a real-valued input.
    package let shape: [Int]
    /// UInt8 in storage order, or binary32.
    package let bytes: [UInt8]
    package let isReal: Bool
    package var sha256: [UInt8] { SHA256.digest(bytes) }
  }

  /// Loads an input and applies resize, crop and channel conversion.
  package init(_ dataset: Dataset, index: Int, preprocessing: Preprocessing, modelChannels: Int?) {
    self.index = index
    name = dataset.name(index)
    label = dataset.label(index)
    do throws(InputError) {
      switch try dataset.load(index) {
      case .image(let image):
        let image = try preprocessing.apply(to: image, modelChannels: modelChannels)
        content = .success(Content(shape: image.shape, bytes: image.pixels, isReal: false))
      case .floats(let shape, let values):
        content = .success(Content(shape: shape, bytes: values.withUnsafeBytes { Array($0) }, isReal: true))
      }
    } catch {
      content = .failure(error)
    }
  }
}
