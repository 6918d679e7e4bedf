import Certificates
import Compute
import Inputs
import Smoothing

/// Where an int8 classifier's scales come from.
struct CalibrationSource {
  /// What `--calibration` names: a data set, or the folder of a run.
  let path: String?
  /// The inputs of the command, and how many of them it passes over.
  let inputs: Dataset
  let skip: Int
  let preprocessing: Preprocessing
  /// The channels of the model's images, where its input tells.
  let channels: Int?

  /// The scales of the run that `--calibration` names, else of the run that is resumed, else measured now.
  func scales(
    resuming earlier: QuantizationRecord?, _ setup: ClassifierSetup, on device: any Device
  ) async throws -> QuantizationRecord {
    if let path, let run = try RunFolder.configurationIfPresent(path) {
      guard let scales = run.quantization else {
        throw UserError("the run \(path) is not an int8 run; it has no scales.")
      }
      return scales
    }
    if path == nil, let earlier { return earlier }
    return try await setup.calibrate(on: device, images: try images(like: setup))
  }

  /// The first inputs that can be read and have the right shape.
  private func images(like setup: ClassifierSetup) throws -> [[UInt8]] {
    let dataset = try path.map { try Dataset.open(path: $0, labels: nil) } ?? inputs
    var images: [[UInt8]] = []
    for index in (path == nil ? skip : 0)..<dataset.count where images.count < Calibration.images {
      let input = PreparedInput(dataset, index: index, preprocessing: preprocessing, modelChannels: channels)
      if let content = try? input.content.get(), content.shape == setup.imageShape, content.isReal == setup.isReal {
        images.append(content.bytes)
      }
    }
    guard !images.isEmpty else {
      throw UserError(
        "none of the inputs in \(dataset.path) has the shape \(setup.imageShape) that int8 is to calibrate on.")
    }
    return images
  }
}
