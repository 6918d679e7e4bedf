import CertificateChecking
import Certificates
import Hashing
import Inputs
import Smoothing

/// The model and the data of a run, found again and compared with the hashes in its certificates.
struct CheckedFiles {
  private(set) var problems: [String] = []
  private(set) var notes: [String] = []
  private(set) var model: LoadedModel?
  private(set) var dataset: Dataset?
  private(set) var preprocessing: Preprocessing?
  private let modelChannels: Int?

  /// - Throws: a sentence if a file that was named cannot be used. One that is merely not where the run found it is a note.
  init(_ checker: RunChecker, model modelPath: String?, data dataPath: String?, labels labelsPath: String?) throws {
    let configuration = checker.configuration
    modelChannels = ClassifierSetup.channels(configuration.model.inputShape)
    do {
      let model = try LoadedModel(modelPath ?? configuration.model.path)
      self.model = model
      if model.sha256 != configuration.model.sha256 {
        problems.append("the model \(model.path) is another file than the one that voted (its SHA-256 differs)")
      }
    } catch {
      if modelPath != nil { throw error }
      notes.append("The model was not compared: \(error)")
    }
    let preprocessing: Preprocessing
    do {
      preprocessing = try Preprocessing(json: Array(configuration.preprocessing.utf8), name: "run.json")
    } catch {
      problems.append("the preprocessing in run.json: \(error)")
      return
    }
    self.preprocessing = preprocessing
    do {
      let dataset = try Dataset.open(
        path: dataPath ?? configuration.data.path, labels: labelsPath ?? configuration.data.labels)
      self.dataset = dataset
      compareImages(checker, dataset, preprocessing)
    } catch {
      if dataPath != nil { throw error }
      notes.append("The images were not compared: \(error)")
    }
  }

  /// One input as the certificates name it.
  func input(_ index: Int) -> PreparedInput? {
    guard let dataset, let preprocessing, (0..<dataset.count).contains(index) else { return nil }
    return PreparedInput(dataset, index: index, preprocessing: preprocessing, modelChannels: modelChannels)
  }

  private mutating func compareImages(_ checker: RunChecker, _ dataset: Dataset, _ preprocessing: Preprocessing) {
    let isSameList = SHA256.text(dataset.listDigestInput) == checker.configuration.data.listSHA256
    if !isSameList {
      notes.append("The list of inputs in \(dataset.path) is not the one of the run; images are compared one by one.")
    }
    let wanted = checker.certificates
    let channels = modelChannels
    let inputs = Prefetcher(wanted.map(\.index), depth: 16, threads: 2) { index in
      (0..<dataset.count).contains(index)
        ? PreparedInput(dataset, index: index, preprocessing: preprocessing, modelChannels: channels) : nil
    }
    var position = 0
    while let (_, input) = inputs.next() {
      let certificate = wanted[position]
      position += 1
      if let input, isSameList, input.name != certificate.name {
        problems.append("input \(certificate.index) (\(certificate.name)) has another name in the data: \(input.name)")
      }
      guard certificate.decision != .unreadable else {
        if case .success = input?.content {
          problems.append("input \(certificate.index) (\(certificate.name)) is called unreadable but can be read")
        }
        continue
      }
      guard let content = try? input?.content.get() else {
        problems.append("input \(certificate.index) (\(certificate.name)) cannot be read again")
        continue
      }
      if hexadecimal(content.sha256) != certificate.imageSHA256 || content.shape != certificate.imageShape {
        problems.append("input \(certificate.index) (\(certificate.name)) is another image than the certified one")
      }
      if let input, input.label != certificate.label, dataset.hasLabels {
        problems.append("input \(certificate.index) (\(certificate.name)) has another label in the data")
      }
    }
  }
}
