import Glibc
import Graphs
import Inputs
import ONNXImport
import TestSupport
import Testing

/// Model files: what is refused, with which words, and what damage does.
@Suite struct ImportTests {
  /// A file that is deleted with its folder at the end of a test.
  final class Folder {
    let path: String

    init() {
      var name = Array("/tmp/surety-import-XXXXXX".utf8CString)
      path = mkdtemp(&name).map { String(cString: $0) } ?? "/tmp"
    }

    deinit {
      for file in ["model.onnx", "model.onnx.gz", "weights.bin", "large.onnx"] { unlink(path + "/" + file) }
      rmdir(path)
    }

    func write(_ bytes: [UInt8], _ file: String) -> String {
      let handle = fopen(path + "/" + file, "wb")!
      fwrite(bytes, 1, bytes.count, handle)
      fclose(handle)
      return path + "/" + file
    }
  }

  /// y = x w with x [1, 2] and w [2, 2].
  static func model() -> ONNXModelProto {
    var model = ONNXModelProto()
    model.opsetImport = [.with { $0.version = 13 }]
    model.graph.name = "small"
    model.graph.input = [
      .with {
        $0.name = "x"
        $0.type.tensorType.elemType = 1
        $0.type.tensorType.shape.dim = [.with { $0.dimValue = 1 }, .with { $0.dimValue = 2 }]
      }
    ]
    model.graph.output = [.with { $0.name = "y" }]
    model.graph.initializer = [
      .with {
        $0.name = "w"
        $0.dataType = 1
        $0.dims = [2, 2]
        $0.floatData = [1, 2, 3, 4]
      }
    ]
    model.graph.node = [
      .with {
        $0.name = "product"
        $0.opType = "MatMul"
        $0.input = ["x", "w"]
        $0.output = ["y"]
      }
    ]
    return model
  }

  static func bytes(_ model: ONNXModelProto) throws -> [UInt8] { try model.serializedBytes() }

  static func message(_ model: ONNXModelProto, folder: String? = nil) throws -> String {
    let bytes = try bytes(model)
    let error = #expect(throws: ImportError.self) { try ONNXImporter.load(bytes, name: "model.onnx", folder: folder) }
    return error.map { $0.description } ?? ""
  }

  @Test func aSmallModelIsRead() throws {
    let graph = try ONNXImporter.load(try Self.bytes(Self.model()), name: "model.onnx")
    #expect(graph.inputs[0].dimensions == [.fixed(1), .fixed(2)])
    #expect(graph.constants.values.first?.floats == [1, 2, 3, 4])
    #expect(graph.nodes.map(\.name) == ["product"])
  }

  @Test func everyUnsupportedNodeIsNamedAtOnce() throws {
    var model = Self.model()
    model.graph.node += [
      .with {
        $0.name = "first"
        $0.opType = "Einsum"
        $0.input = ["y"]
        $0.output = ["a"]
      },
      .with {
        $0.name = "second"
        $0.opType = "FusedConv"
        $0.domain = "com.microsoft"
        $0.input = ["a"]
        $0.output = ["b"]
      },
      .with {
        $0.name = "third"
        $0.opType = "Softmax"
        $0.input = ["b"]
        $0.output = ["c"]
        $0.attribute = [
          .with {
            $0.name = "temperature"
            $0.type = 1
            $0.f = 2
          }
        ]
      },
    ]
    let message = try Self.message(model)
    for part in ["Einsum (node first)", "com.microsoft.FusedConv (node second)", "temperature", "node third"] {
      #expect(message.contains(part), "\(message)")
    }
  }

  @Test func brokenModelsAreRefusedInASentence() throws {
    var old = Self.model()
    old.opsetImport[0].version = 6
    #expect(try Self.message(old).contains("operator set 6"))
    var short = Self.model()
    short.graph.initializer[0].floatData = [1, 2, 3]
    #expect(try Self.message(short).contains("3 numbers instead of 4"))
    var dangling = Self.model()
    dangling.graph.node[0].input = ["x", "v"]
    #expect(try Self.message(dangling).contains("reads v, which nothing writes"))
    var huge = Self.model()
    huge.graph.initializer[0].dims = [1 << 62, 1 << 62]
    #expect(try Self.message(huge).contains("shape"))
    var twice = Self.model()
    twice.graph.node.append(twice.graph.node[0])
    #expect(try Self.message(twice).contains("written twice"))
    #expect(throws: ImportError.self) { try ONNXImporter.load([], name: "empty.onnx") }
    #expect(throws: ImportError.self) { try ONNXImporter.load("/nonexistent/model.onnx") }
    #expect(throws: ImportError.self) { try ONNXImporter.load(Array("hello, this is text".utf8), name: "text.onnx") }
  }

  @Test func nodesInAnotherOrderAreSorted() throws {
    var model = Self.model()
    model.graph.node.insert(
      .with {
        $0.opType = "Relu"
        $0.input = ["y"]
        $0.output = ["z"]
      }, at: 0)
    model.graph.output[0].name = "z"
    let graph = try ONNXImporter.load(try Self.bytes(model), name: "model.onnx")
    #expect(graph.nodes.map(\.operatorName) == ["MatMul", "Relu"])
  }

  @Test func externalDataIsReadFromBesideTheModel() throws {
    var model = Self.model()
    model.graph.initializer[0].floatData = []
    model.graph.initializer[0].dataLocation = 1
    func entry(_ key: String, _ value: String) -> ONNXStringStringEntryProto {
      .with {
        $0.key = key
        $0.value = value
      }
    }
    model.graph.initializer[0].externalData = [
      entry("location", "weights.bin"), entry("offset", "4"), entry("length", "16"),
    ]
    let folder = Folder()
    let path = folder.write(try Self.bytes(model), "model.onnx")
    #expect(throws: ImportError.self) { try ONNXImporter.load(path) }
    let numbers: [Float] = [0, 5, 6, 7, 8]
    _ = folder.write(numbers.withUnsafeBytes { Array($0) }, "weights.bin")
    #expect(try ONNXImporter.load(path).constants.values.first?.floats == [5, 6, 7, 8])
    model.graph.initializer[0].externalData[0].value = "../weights.bin"
    #expect(try Self.message(model, folder: folder.path).contains("outside the model's folder"))
    model.graph.initializer[0].externalData = [entry("location", "weights.bin"), entry("offset", "8")]
    #expect(throws: ImportError.self) {
      try ONNXImporter.load(try Self.bytes(model), name: "model.onnx", folder: folder.path)
    }
  }

  @Test func filesBeyondTwoGibibytesAreRefusedBeforeTheyAreRead() {
    let folder = Folder()
    let path = folder.write([8], "large.onnx")
    #expect(truncate(path, 1 << 31) == 0)
    let error = #expect(throws: ImportError.self) { try ONNXImporter.load(path) }
    #expect(error?.description.contains("external data") == true)
  }

  @Test(
    "Compressed and plain files give the same graph",
    .enabled(if: TestData.isAvailable("vnncomp/cifar10_resnet/onnx/resnet_2b.onnx.gz")))
  func compressed() throws {
    let packed = try ONNXImporter.load(TestData.path("vnncomp/cifar10_resnet/onnx/resnet_2b.onnx.gz"))
    let plain = try ONNXImporter.load(TestData.path("cifar10/resnet_2b.onnx"))
    #expect(packed.nodes.map(\.operatorName) == plain.nodes.map(\.operatorName))
  }

  @Test(
    "Truncated and mutated files never crash",
    .enabled(if: TestData.isAvailable("cifar10/resnet8.onnx")),
    arguments: ["mnist/mnist-net_256x2.onnx", "cifar10/vit_pgd_2_3_16.onnx", "models/lsnc_quadrotor2d_output.onnx"])
  func damaged(file: String) throws {
    let whole = try ONNXImporter.bytes(TestData.path(file))
    var generator = SeededGenerator(seed: 20)
    var refused = 0
    for round in 0..<400 {
      var bytes = whole
      if round % 4 == 0 {
        bytes.removeLast(Int.random(in: 1..<whole.count, using: &generator))
      } else {
        // Half of the changes hit the first kilobytes or the last ones, where names and shapes stand.
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
          let place = Int.random(in: 0..<min(3000, whole.count), using: &generator)
          let index = Bool.random(using: &generator) ? place : whole.count - 1 - place
          bytes[index] = UInt8.random(in: 0...255, using: &generator)
        }
      }
      do {
        let graph = try ONNXImporter.load(bytes, name: file)
        _ = try graph.lower(batch: 2, precision: .float32)
        _ = try graph.describe()
      } catch let error as ImportError {
        refused += 1
        #expect(!error.description.isEmpty)
      } catch let error as GraphError {
        refused += 1
        #expect(!error.description.isEmpty)
      }
    }
    #expect(refused > 100)
  }
}
