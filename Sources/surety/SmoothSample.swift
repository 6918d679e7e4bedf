import ArgumentParser
import Certificates
import Compute
import Inputs
import Smoothing
import Statistics

/// `surety smooth sample`: noisy inputs, exactly as the model ate them, and their logits.
struct SmoothSample: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sample",
    abstract: "Write noisy inputs and logits of chosen sample numbers, for inspection and other tools.",
    discussion: """
      For each input, OUT/input-INDEX.npy has the noisy model inputs [samples, model input shape] and \
      OUT/logits-INDEX.npy the logits [samples, classes]. With the --nonce of a run, the samples are that run's.

      Example:
        surety smooth sample --model cifar.onnx --data test.bin --sigma 0.25 --samples '0..<8' --limit 2 --out noisy
      """)

  @OptionGroup var modelOptions: ModelOptions
  @OptionGroup var dataOptions: DataOptions
  @OptionGroup var noiseOptions: NoiseOptions
  @OptionGroup var computeOptions: ComputeOptions
  @OptionGroup var outputOptions: OutputOptions

  @Option(help: ArgumentHelp("Sample numbers: A..<B, A...B or one number.", valueName: "range"))
  var samples: String = "0..<8"

  @Option(help: ArgumentHelp("selection, estimation or prediction.", valueName: "name"))
  var stream: String = "estimation"

  @Option(help: ArgumentHelp("The folder for the arrays.", valueName: "folder"))
  var out: String

  private static let streams = [
    "selection": SampleRange.selection, "estimation": SampleRange.estimation, "prediction": SampleRange.prediction,
  ]

  func run() async throws {
    guard let stream = Self.streams[stream] else {
      throw UserError("--stream must be selection, estimation or prediction, not '\(stream)'.")
    }
    let range = try Self.range(samples)
    let job = try await SmoothingJob(
      model: modelOptions, data: dataOptions, compute: computeOptions,
      sigma: try exactDecimal(noiseOptions.sigma, of: "--sigma"), keepsInputs: true)
    let nonce = try Nonce(noiseOptions.nonce)
    try DurableFile.makeFolder(out)
    let instance = job.classifier.instances[0]
    let inputs = job.prefetcher(job.indices)
    while let (index, input) = inputs.next() {
      let content: PreparedInput.Content
      do {
        content = try input.content.get()
        guard content.shape == job.setup.imageShape else {
          throw UserError("\(input.name) has the shape \(content.shape), the first input has \(job.setup.imageShape).")
        }
      } catch {
        guard dataOptions.skipBad else { throw error }
        Terminal.message("Passed over: \(error)")
        continue
      }
      let key = job.setup.noise.description.key(nonce: nonce.bytes, imageSHA256: content.sha256)
      let noisy = NoisyInput(bytes: content.bytes, key: NoiseDescription.words(key))
      var eaten: [Float] = []
      var logits: [Float] = []
      var start = range.lowerBound
      while start < range.upperBound {
        let part = SampleRange(stream: stream, start: start, end: min(range.upperBound, start + job.classifier.batch))
        _ = try await instance.classes(SampleBatch(parts: [.init(input: index, samples: part)]), [index: noisy])
        eaten += try job.logicalInputs(count: part.count)
        logits += try instance.logits().prefix(part.count * job.classifier.classes)
        start = part.end
      }
      let inputPath = "\(out)/input-\(index).npy"
      let logitsPath = "\(out)/logits-\(index).npy"
      try NumPyArray(shape: [range.count] + job.modelShape, floats: eaten).write(to: inputPath)
      try NumPyArray(shape: [range.count, job.classifier.classes], floats: logits).write(to: logitsPath)
      if outputOptions.json {
        print(try JSONText.encode(["input": inputPath, "logits": logitsPath, "name": input.name]))
      } else {
        print("\(input.name): \(inputPath), \(logitsPath)")
      }
    }
    if !outputOptions.quiet { Terminal.message("Nonce \(nonce.text).") }
  }

  private static func range(_ text: String) throws -> Range<Int> {
    func number(_ text: Substring) -> Int? { Int(text.filter { $0 != " " }) }
    if let position = text.firstRange(of: "..<"), let low = number(text[..<position.lowerBound]),
      let high = number(text[position.upperBound...]), low >= 0, low < high
    {
      return low..<high
    }
    if let position = text.firstRange(of: "..."), let low = number(text[..<position.lowerBound]),
      let high = number(text[position.upperBound...]), low >= 0, low <= high
    {
      return low..<(high + 1)
    }
    if let one = number(text[...]), one >= 0 { return one..<(one + 1) }
    throw UserError("--samples must be like '0..<8', '0...7' or 5, not '\(text)'.")
  }
}
