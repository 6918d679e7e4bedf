import Graphs
import Hashing
import Inputs
import Networks
import VNNLIB

/// A model and a property, read and checked against each other.
struct VerificationSubject: Sendable {
  let model: LoadedModel
  let network: Network
  let property: Property
  /// The property as the user named it.
  let propertyName: String
  /// SHA-256 of the property's text after decompression.
  let propertySHA256: String
  /// Where the property's file is; nil for one that was made here.
  let propertyPath: String?
  /// The canonical text of a property that was made here.
  let robustness: String?

  /// Reads a VNN-LIB property for a model, whose network must fit in so many bytes.
  init(model: LoadedModel, network: Network? = nil, specification path: String, memory: Int = .max) throws {
    self.model = model
    self.network = try network ?? model.graph.network(memory: memory)
    var bytes = try FileBytes.read(path)
    if Gzip.isGzip(bytes) { bytes = try Gzip.inflate(contentsOf: path) }
    property = try VNNLIBReader.read(bytes: bytes, name: path)
    propertyName = path
    propertySHA256 = SHA256.text(bytes)
    propertyPath = absolutePath(path)
    robustness = nil
    try checkSizes()
  }

  /// A property that was made here; `text` is its canonical form, which the hash is of.
  init(model: LoadedModel, network: Network, property: Property, name: String, text: String) throws {
    self.model = model
    self.network = network
    self.property = property
    propertyName = name
    propertySHA256 = SHA256.text(Array(text.utf8))
    propertyPath = nil
    robustness = text
    try checkSizes()
  }

  private func checkSizes() throws {
    guard property.inputCount == network.inputs.count, property.outputCount <= network.outputs.count else {
      throw UserError(
        "\(propertyName) speaks about \(property.inputCount) inputs and \(property.outputCount) outputs, but "
          + "\(model.name) has \(network.inputs.count) and \(network.outputs.count).")
    }
  }
}
