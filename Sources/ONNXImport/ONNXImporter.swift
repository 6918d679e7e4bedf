// Reads an ONNX file (also .onnx.gz) into a graph.

import Graphs
import Inputs
import Operators
import SwiftProtobuf
import Tensors

/// ONNX files of operator sets 8 to 22 (after 20 the supported operators only gained element types).
public enum ONNXImporter {
  /// The operator sets whose meaning is implemented.
  public static let opsets = 8...22
  /// Protocol buffers end at 2 GiB.
  static let largestFile = Int(Int32.max)

  /// The graph of the model at `path`. Weights may stand in files beside it (external data).
  public static func load(_ path: String) throws(ImportError) -> Graph {
    let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    // The search for a character: the one for a string is full Foundation's, which brings ICU into the program.
    return try load(try bytes(path), name: path, folder: path.contains("/" as Character) ? folder : ".")
  }

  /// The file's content, uncompressed.
  public static func bytes(_ path: String) throws(ImportError) -> [UInt8] {
    do throws(InputError) {
      let source = try ByteSource(path: path)
      guard source.count <= largestFile else {
        throw InputError.malformed(
          path: path,
          reason: "it is larger than 2 GiB, where protocol buffers end; save its weights as external data")
      }
      let bytes = try source.read(at: 0, count: source.count)
      return Gzip.isGzip(bytes) ? try Gzip.inflate(bytes, name: path, limit: largestFile) : bytes
    } catch {
      throw .unreadable(error.description)
    }
  }

  /// The graph in a model's bytes; `folder` holds its external data, nil if there is none to be had.
  public static func load(_ bytes: [UInt8], name: String, folder: String? = nil) throws(ImportError) -> Graph {
    guard !bytes.isEmpty else { throw .malformed(path: name, reason: "it is empty") }
    let model: ONNXModelProto
    do {
      model = try ONNXModelProto(serializedBytes: bytes)
    } catch {
      throw .malformed(
        path: name, reason: "its protocol buffer does not parse, so it is truncated, damaged or no ONNX file")
    }
    guard model.hasGraph, !model.opsetImport.isEmpty else {
      throw .malformed(
        path: name, reason: "it holds no graph or names no operator set, so it is truncated or no ONNX file")
    }
    guard let version = model.opsetImport.filter({ isDefaultDomain($0.domain) }).map({ Int($0.version) }).max() else {
      throw .malformed(path: name, reason: "it does not name the version of the standard operator set")
    }
    guard opsets.contains(version) else {
      throw .malformed(
        path: name,
        reason: "it uses operator set \(version), and \(opsets.lowerBound) to \(opsets.upperBound) are supported; "
          + "convert it with onnx.version_converter or export it again")
    }
    var builder = GraphBuilder(path: name, folder: folder, opset: version)
    return try builder.build(model.graph)
  }

  static func isDefaultDomain(_ domain: String) -> Bool { domain.isEmpty || domain == "ai.onnx" }
}
