import Hashing
import Inputs
import Networks
import Statistics
import VNNLIB

/// Robustness properties around images: the class stays the same for every input within epsilon, in pixel units 0 to 1
/// and inside the range of images.
///
/// The model eats (t s - mean) / std for a pixel t in 0...1, s the preprocessing's scale, rounded to binary32: that is
/// the centre. The perturbation and the range of images are rounded outward to binary64, and the property is about them.
struct ImageProperties {
  private let dataset: Dataset
  private let preprocessing: Preprocessing
  private let options: ImagePropertyOptions
  private let epsilon: (numerator: Double, denominator: Double)
  private let inputShape: [Int]
  private let classes: Int
  private let channels: Int?

  init(_ options: ImagePropertyOptions, model: LoadedModel, network: Network) throws {
    self.options = options
    dataset = try Dataset.open(path: options.data!, labels: options.labels)
    preprocessing = try Preprocessing.resolve(options.preprocess)
    epsilon = try Self.fraction(options.epsilon!)
    guard model.graph.inputs.count == 1 else {
      throw UserError(
        "\(model.name) has \(model.graph.inputs.count) inputs; --data needs a model with one image input.")
    }
    inputShape = try model.graph.shaped(batch: 1, dimensions: [:]).fact(model.graph.inputs[0].value).shape
    classes = network.outputs.count
    channels = ClassifierSetup.channels(Array(inputShape.dropFirst()))
    if !dataset.hasLabels {
      throw UserError("--data needs the class of every image: name a CSV file with --labels.")
    }
    if let largest = dataset.largestLabel, largest >= classes {
      throw UserError("the labels go up to class \(largest), but the model has only \(classes) classes.")
    }
    if let target = Int(options.targets), !(0..<classes).contains(target) {
      throw UserError("--targets \(target) is no class of the model, which has \(classes).")
    }
    if options.norm != "linf", preprocessing.std.contains(where: { $0 != preprocessing.std[0] }) {
      throw UserError(
        "--norm \(options.norm) needs one std for all channels, since a ball in pixels is an ellipsoid otherwise; use "
          + "--norm linf.")
    }
  }

  var count: Int { dataset.count }

  func name(_ index: Int) -> String { dataset.name(index) }

  /// What the run is over, for its configuration.
  var digest: String {
    SHA256.text(
      dataset.listDigestInput
        + Array(
          "|\(preprocessing.canonicalText)|\(options.epsilon!)|\(options.norm)|\(options.targets)".utf8))
  }

  /// What the model eats for an image without a perturbation, and where each pixel stands in it.
  private func centre(_ index: Int) throws -> ([Double], Image8, PixelPlacement) {
    guard case .image(let loaded) = try dataset.load(index) else {
      throw UserError("\(dataset.name(index)) is no 8-bit image; --data needs images.")
    }
    let image = try preprocessing.apply(to: loaded, modelChannels: channels)
    let placement = try preprocessing.placement(modelShape: Array(inputShape.dropFirst()), image: image)
    let tables = preprocessing.lookupTable(lowest: 0, highest: 255, channels: image.channels)
    return (placement.modelInput(of: image, tables: tables).map { Double($0) }, image, placement)
  }

  /// Whether the model gives an image its label without a perturbation; a tie or NaN counts as wrong.
  func isCorrect(_ index: Int, _ network: Network) throws -> Bool {
    let outputs = network.outputs(try centre(index).0)
    let label = dataset.label(index)!
    return outputs.indices.allSatisfy { $0 == label || outputs[$0] < outputs[label] }
  }

  /// The property of one image and its canonical text.
  func property(_ index: Int) throws -> (Property, String) {
    let (centre, image, placement) = try centre(index)
    var radii = [Double](repeating: 0, count: centre.count)
    var lower = radii
    var upper = radii
    for row in 0..<image.height {
      for column in 0..<image.width {
        for channel in placement.channelOrder.indices {
          let place = placement.modelIndex(row: row, column: column, modelChannel: channel)
          radii[place] = radius(channel)
          // Steps outward pay for the three roundings of `fed`, and the centre, rounded to binary32, stays inside.
          lower[place] = min(fed(0, channel).stepped(-8), centre[place])
          upper[place] = max(fed(1, channel).stepped(8), centre[place])
        }
      }
    }
    let perturbation: Property.Perturbation =
      switch options.norm {
      case "l2": .l2(radius: try decimal(radius(0)))
      case "l1": .l1(radius: try decimal(radius(0)))
      default: .linf(radii: try radii.map(decimal))
      }
    let property = Property.robustness(
      centre: try centre.map(decimal), perturbation: perturbation, label: dataset.label(index)!, classes: classes,
      targets: Int(options.targets).map { [$0] }, dataBox: (try lower.map(decimal), try upper.map(decimal)))
    let text = RobustnessText.text(
      property, norm: options.norm, epsilon: options.epsilon!, label: dataset.label(index)!, targets: options.targets,
      classes: classes)
    return (property, text)
  }

  /// epsilon in the model's units, rounded up.
  private func radius(_ channel: Int) -> Double {
    let std = preprocessing.std.count == 1 ? preprocessing.std[0] : preprocessing.std[channel]
    return (epsilon.numerator / epsilon.denominator * preprocessing.scale / std).stepped(8)
  }

  /// What the model eats for a pixel t in 0...1: three roundings.
  private func fed(_ t: Double, _ channel: Int) -> Double {
    let mean = preprocessing.mean.count == 1 ? preprocessing.mean[0] : preprocessing.mean[channel]
    let std = preprocessing.std.count == 1 ? preprocessing.std[0] : preprocessing.std[channel]
    return (t * preprocessing.scale - mean) / std
  }

  private func decimal(_ number: Double) throws -> ExactDecimal {
    guard let decimal = ExactDecimal(exactly: number) else {
      throw UserError("the preprocessing gives \(number), which no property can name.")
    }
    return decimal
  }

  /// "0.03", "8/255".
  private static func fraction(_ text: String) throws -> (numerator: Double, denominator: Double) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let numerator = Double(parts[0]), numerator > 0, numerator.isFinite,
      let denominator = parts.count == 2 ? Double(parts[1]) : 1, denominator > 0, denominator.isFinite
    else { throw UserError("--epsilon must be a positive decimal or a fraction such as 8/255, not '\(text)'.") }
    guard numerator / denominator < 100 else {
      throw UserError("--epsilon \(text) is in pixel units 0 to 1; for \(text) levels say --epsilon \(text)/255.")
    }
    return (numerator, denominator)
  }
}

extension Double {
  /// At least `count` steps further up, or down; never a subnormal number, whose decimal would have 750 digits.
  fileprivate func stepped(_ count: Int) -> Double {
    let away = max(Double(abs(count) + 1) * ulp, 0x1p-100)
    return count > 0 ? self + away : self - away
  }
}
