import Inputs
import Tensors
import TestSupport

/// A model of the data folder with inputs and the logits that ONNX Runtime computed for them.
struct ReferenceModel: Sendable, CustomStringConvertible {
  let file: String
  /// Open dimensions beside the batch.
  var dimensions: [String: Int] = [:]
  /// Whether the plain definitions are fast enough to run in a test.
  var isSmall = true
  let load: @Sendable () throws -> [Sample]

  /// One input, in the model's logical order without the batch, and its logits.
  struct Sample {
    var inputs: [Tensor]
    var logits: [Float]
  }

  var description: String { file }
  var path: String { TestData.path(file) }

  /// How many samples a test looks at.
  static let count = 8

  static let all: [ReferenceModel] = imagenet + cifar + mnist + [text]

  // MARK: ImageNet crops, uint8 [24, 224, 224, 3]

  static let imagenet: [ReferenceModel] = [
    image(
      "efficientnet_lite0.onnx", "efficientnet_lite0", order: [0, 1, 2], scale: [128, 128, 128], mean: [127, 127, 127]),
    image(
      "mobilenet_v2_int8w.onnx", "mobilenet_v2", order: [0, 1, 2], scale: [127.5, 127.5, 127.5],
      mean: [127.5, 127.5, 127.5]),
    image(
      "squeezenet1_1.onnx", "squeezenet1_1", order: [2, 1, 0], scale: [1, 1, 1], mean: [103.939, 116.779, 123.68]),
    image(
      "open_nsfw_resnet50_thin_f16w.onnx", "open_nsfw", order: [2, 1, 0], scale: [1, 1, 1], mean: [104, 117, 123]),
  ]

  private static func image(
    _ file: String, _ key: String, order: [Int], scale: [Double], mean: [Double]
  ) -> ReferenceModel {
    ReferenceModel(file: "imagenet/" + file, isSmall: false) {
      let images = try NumPyArchive(path: TestData.path("imagenet/crops_24.npz")).array("images").bytes()
      let logits = try NumPyArchive(path: TestData.path("imagenet/reference_logits_24.npz")).array(key)
      return try samples(
        images, side: 224, order: order, scale: scale, mean: mean, channelsLast: false, shape: [3, 224, 224], logits)
    }
  }

  // MARK: CIFAR-10, uint8 [361, 32, 32, 3]

  static let cifar: [ReferenceModel] = {
    let meanA = [0.4914, 0.4822, 0.4465]
    let stdA = [0.2023, 0.1994, 0.2010]
    let meanB = [0.485, 0.456, 0.406]
    let stdB = [0.225, 0.225, 0.225]
    let stdC = [0.2471, 0.2435, 0.2616]
    let zero = [0.0, 0, 0]
    let one = [1.0, 1, 1]
    let raw = one.map { $0 / 255 }
    let rows: [(String, [Double], [Double])] = [
      ("resnet_2b", meanA, stdC), ("resnet_4b", meanA, stdC), ("sri_resnet_a", meanA, stdA),
      ("cifar_base_kw", meanB, stdB), ("cifar_wide_kw", meanB, stdB), ("marabou_cifar10_medium", zero, one),
      ("resnet8", zero, raw), ("resnet8_large", zero, raw), ("vit_ibp_3_3_8", meanA, stdA),
      ("vit_pgd_2_3_16", meanA, stdA),
    ]
    return rows.map { name, mean, std in
      let channelsLast = name.hasPrefix("marabou")
      return ReferenceModel(file: "cifar10/\(name).onnx") {
        let images = try NumPyArchive(path: TestData.path("cifar10/cifar10_test_361.npz")).array("images").bytes()
        let logits = try NumPyArchive(path: TestData.path("cifar10/reference_logits_32.npz")).array(name)
        return try samples(
          images, side: 32, order: [0, 1, 2], scale: std.map { $0 * 255 }, mean: mean.map { $0 * 255 },
          channelsLast: channelsLast, shape: channelsLast ? [32, 32, 3] : [3, 32, 32], logits)
      }
    }
  }()

  // MARK: MNIST, uint8 [8000, 28, 28]

  static let mnist: [ReferenceModel] = [
    digits("mnist-net_256x2", [784, 1]), digits("ffnnSIGMOID__Point_6x200", [1, 28, 28]),
    digits("cora_mnist_set", [784], transposed: true),
  ]

  private static func digits(_ name: String, _ shape: [Int], transposed: Bool = false) -> ReferenceModel {
    ReferenceModel(file: "mnist/\(name).onnx") {
      let images = try NumPyArchive(path: TestData.path("mnist/mnist_test_8000.npz")).array("images").bytes()
      let logits = try NumPyArchive(path: TestData.path("mnist/reference_logits_32.npz")).array(name).floats()
      return (0..<count).map { sample in
        let pixels = (0..<784).map { index -> Float in
          let source = transposed ? index % 28 * 28 + index / 28 : index
          return Float(images[sample * 784 + source]) / 255
        }
        return Sample(
          inputs: [Tensor(shape: [1] + shape, floats: pixels)], logits: Array(logits[sample * 10..<sample * 10 + 10]))
      }
    }
  }

  /// The text model, whose reference has prompts of different lengths; those of the first prompt's length.
  static let text = ReferenceModel(file: "text/minilm_l2_safety.onnx", dimensions: ["L": TextReference.length]) {
    try TextReference.samples()
  }

  private static func samples(
    _ images: [UInt8], side: Int, order: [Int], scale: [Double], mean: [Double], channelsLast: Bool, shape: [Int],
    _ logits: NumPyArray
  ) throws -> [Sample] {
    let area = side * side
    let all = try logits.floats()
    let classes = logits.shape[1]
    return (0..<count).map { sample in
      var pixels = [Float](repeating: 0, count: 3 * area)
      for place in 0..<area {
        for channel in 0..<3 {
          let pixel = Double(images[(sample * area + place) * 3 + order[channel]])
          pixels[channelsLast ? place * 3 + channel : channel * area + place] =
            Float((pixel - mean[channel]) / scale[channel])
        }
      }
      return Sample(
        inputs: [Tensor(shape: [1] + shape, floats: pixels)],
        logits: Array(all[sample * classes..<(sample + 1) * classes]))
    }
  }
}
