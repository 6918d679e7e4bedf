import FoundationEssentials
import Tensors
import TestSupport

/// The reference prompts of the text model that have a common length, since a batch holds prompts of equal length.
enum TextReference {
  static let length = 15

  private struct Prompt: Decodable {
    var inputIDs: [Int]
    var logit: Float

    enum CodingKeys: String, CodingKey {
      case inputIDs = "input_ids"
      case logit
    }
  }

  /// Logit 0 of the model is always 0.
  static func samples() throws -> [ReferenceModel.Sample] {
    let bytes = try TestData.bytes(TestData.path("text/reference_50.json"))
    let prompts = try JSONDecoder().decode([Prompt].self, from: Data(bytes)).filter { $0.inputIDs.count == length }
    return prompts.prefix(ReferenceModel.count).map { prompt in
      ReferenceModel.Sample(
        inputs: [
          Tensor(shape: [1, length], type: .int64, integers: prompt.inputIDs),
          Tensor(shape: [1, length], type: .int64, integers: Array(0..<length)),
        ],
        logits: [0, prompt.logit])
    }
  }
}
