// The named presets of `--preprocess`.

extension Preprocessing {
  private static let asIs: (Int?, Int?, Interpolation) = (nil, nil, .bilinear)
  private static let imagenetCrop: (Int?, Int?, Interpolation) = (256, 224, .bilinear)

  /// The names that `named(_:)` knows, in the order of the manual.
  public static let presetNames: [String] = [
    "none", "unit", "imagenet", "efficientnet-lite", "tf", "caffe", "cifar10-a", "cifar10-b", "cifar10-c",
  ]

  /// A preset by name; nil if there is none.
  ///
  /// `none`: raw pixels 0..255. `unit`: pixel / 255. `imagenet`: torchvision's mean and std. `efficientnet-lite`:
  /// (a - 127) / 128. `tf`: a / 127.5 - 1. `caffe`: BGR, a - (103.939, 116.779, 123.68). These four resize the shorter
  /// side to 256 and cut out 224 x 224. `cifar10-a`, `-b`, `-c`: three normalisations of the CIFAR-10 literature, no
  /// change of size. The two without a channel choice take as many channels as the model has.
  public static func named(_ name: String) -> Preprocessing? {
    switch name {
    case "none":
      return Preprocessing(unchecked: asIs, channels: nil, scale: 255, mean: [0], std: [1])
    case "unit":
      return Preprocessing(unchecked: asIs, channels: nil, scale: 1, mean: [0], std: [1])
    case "imagenet":
      return Preprocessing(
        unchecked: imagenetCrop, channels: .rgb, scale: 1, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225])
    case "efficientnet-lite":
      return Preprocessing(
        unchecked: imagenetCrop, channels: .rgb, scale: 255, mean: [127, 127, 127], std: [128, 128, 128])
    case "tf":
      return Preprocessing(
        unchecked: imagenetCrop, channels: .rgb, scale: 255, mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5])
    case "caffe":
      return Preprocessing(
        unchecked: imagenetCrop, channels: .bgr, scale: 255, mean: [103.939, 116.779, 123.68], std: [1, 1, 1])
    case "cifar10-a":
      return cifar(mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.2010])
    case "cifar10-b":
      return cifar(mean: [0.485, 0.456, 0.406], std: [0.225, 0.225, 0.225])
    case "cifar10-c":
      return cifar(mean: [0.4914, 0.4822, 0.4465], std: [0.2471, 0.2435, 0.2616])
    default:
      return nil
    }
  }

  private static func cifar(mean: [Double], std: [Double]) -> Preprocessing {
    Preprocessing(unchecked: asIs, channels: .rgb, scale: 1, mean: mean, std: std)
  }

  /// The value of `--preprocess`: a preset's name, else the path of a JSON file.
  public static func resolve(_ nameOrPath: String) throws(InputError) -> Preprocessing {
    if let preset = named(nameOrPath) { return preset }
    guard nameOrPath.hasSuffix(".json") || FileBytes.regularFileSize(nameOrPath) != nil else {
      throw .preprocessing(
        reason: "\"\(nameOrPath)\" is neither a preset (\(presetNames.joined(separator: ", "))) nor a JSON file")
    }
    return try Preprocessing(json: FileBytes.read(nameOrPath), name: nameOrPath)
  }
}
