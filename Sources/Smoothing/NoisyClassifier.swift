import Certificates
import Compute
import Graphs
import Hashing
import Primitives
import Statistics
import Tensors

/// A network behind a noise step, prepared on a device at a fixed batch: the base classifier that votes.
///
/// One pass of an instance takes `batch` samples of at most `imagesPerBatch` images and gives a class for each. Slots
/// that are not asked for repeat the first sample, so that every pass has the same shape.
package final class NoisyClassifier: Sendable {
  package let batch: Int
  package let imagesPerBatch: Int
  package let instances: [NoisyInstance]
  package let classes: Int
  /// The kernel tiles that the device chose, in the order of the layers; all instances share them.
  package let tiles: [String]

  /// - Parameters:
  ///   - network: the network at a fixed batch; the noise step writes its input.
  ///   - law: the noise.
  ///   - pixels: where the stored image's pixels stand in the model's input.
  ///   - isReal: whether images are binary32 instead of bytes.
  ///   - keepsInputs: whether the host may read what the network ate (`NoisyInstance.modelInput`).
  package init(
    network: LoweringPlan, law: AddNoise.NoiseLaw, pixels: AddNoise.Placement, isReal: Bool, device: any Device,
    instances count: Int, keepsInputs: Bool = false
  ) async throws {
    let target = network.inputs[0]
    let (batch, classes) = try Self.sizes(network)
    self.batch = batch
    self.classes = classes
    let slots = min(batch, 16)
    imagesPerBatch = slots
    let pixelCount = pixels.height * pixels.width * pixels.channels
    var list = CommandList()
    let images = list.input([slots, pixelCount], isReal ? .float32 : .uint8, name: "images")
    let requests = list.input([batch, AddNoise.requestWords], .uint32, name: "requests")
    let input =
      keepsInputs
      ? list.output(target.physicalShape, target.type, name: target.name)
      : list.transient(target.physicalShape, target.type, name: target.name)
    try list.append(AddNoise(images: images, requests: requests, output: input, law: law, placement: pixels))
    let logits = try network.append(to: &list, inputs: [input], outputs: .output)[0]
    let votes = list.output([batch], .int32, name: "classes")
    try list.append(ArgMax(logits: logits, output: votes, rows: batch, classes: classes))
    let values = NoisyInstance.Values(
      images: images, requests: requests, input: input, logits: logits, classes: votes)
    let imageBytes = pixelCount * (isReal ? 4 : 1)
    let prepared = try await device.prepare(list, instances: count)
    tiles = prepared.first?.tiles ?? []
    instances = prepared.map {
      NoisyInstance(prepared: $0, values: values, batch: batch, imageSlots: slots, imageBytes: imageBytes)
    }
  }

  /// The batch and the number of classes of a network that can vote: one batched input, logits [batch, classes].
  package static func sizes(_ network: LoweringPlan) throws -> (batch: Int, classes: Int) {
    guard network.inputs.count == 1, network.inputs[0].isBatched else {
      throw SmoothingError(
        "smoothing needs a model with one input of images; this one has "
          + network.inputs.map { "\($0.name) \($0.shape)" }.joined(separator: ", "))
    }
    let batch = network.inputs[0].shape[0]
    guard network.outputShapes.count == 1, network.outputShapes[0].first == batch,
      network.outputShapes[0].reduce(1, *) / batch > 1
    else {
      throw SmoothingError(
        "smoothing needs a model with one output of class scores [batch, classes]; this one has "
          + network.outputShapes.map { "\($0)" }.joined(separator: ", "))
    }
    return (batch, network.outputShapes[0].reduce(1, *) / batch)
  }

  /// What this classifier draws at a time.
  package var lane: VoteScheduler.Lane {
    VoteScheduler.Lane(slots: batch, imagesPerBatch: imagesPerBatch, concurrency: instances.count)
  }

  /// Draws batches in one of the scheduler's lanes, on all instances, until it has no more.
  package func drawVotes(for scheduler: VoteScheduler, lane: Int = 0, counter: ProgressCounter) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for instance in instances {
        group.addTask {
          let clock = ContinuousClock()
          do {
            while let (batch, inputs) = try await scheduler.nextBatch(lane: lane) {
              let start = clock.now
              let classes = try await instance.classes(batch, inputs)
              counter.add(passes: batch.count)
              let took = (clock.now - start).components
              await scheduler.complete(
                batch, lane: lane, classes: classes, seconds: Double(took.seconds) + Double(took.attoseconds) * 1e-18)
            }
          } catch {
            await scheduler.fail(error)
            throw error
          }
        }
      }
      try await group.waitForAll()
    }
  }

  /// SHA-256 of the logits of eight fixed samples of a fixed image: equal on equal classifiers, and recomputed at every
  /// start (reference/soundness.md 2.6).
  package func fingerprint(isReal: Bool) async throws -> String {
    let instance = instances[0]
    let pixels = instance.imageBytes / (isReal ? 4 : 1)
    let levels = (0..<pixels).map { UInt8(truncatingIfNeeded: (UInt32($0) &* 2_654_435_761) >> 24) }
    let bytes = isReal ? levels.map { Float($0) / 255 }.withUnsafeBytes { Array($0) } : levels
    let input = NoisyInput(bytes: bytes, key: (0x5375_7265, 0x7479_0001))
    let hash = SHA256()
    var sample = 0
    while sample < 8 {
      let range = SampleRange(stream: SampleRange.fingerprint, start: sample, end: min(8, sample + batch))
      let part = SampleBatch(parts: [.init(input: -1, samples: range)])
      _ = try await instance.classes(part, [-1: input])
      hash.update(Array(try instance.logits().prefix(range.count * classes)).withUnsafeBytes { Array($0) })
      sample = range.end
    }
    instance.forget()
    return hexadecimal(hash.finish())
  }
}

/// One instance of a noisy classifier. Used by one task at a time, which the scheduler's loops ensure; the image slots
/// are its only mutable state.
package final class NoisyInstance: @unchecked Sendable {
  struct Values: Sendable {
    let images: Value
    let requests: Value
    let input: Value
    let logits: Value
    let classes: Value
  }

  private let prepared: any PreparedList
  private let values: Values
  private let batch: Int
  let imageBytes: Int
  /// Which input's image each slot holds.
  private var owners: [Int?]

  init(prepared: any PreparedList, values: Values, batch: Int, imageSlots: Int, imageBytes: Int) {
    self.prepared = prepared
    self.values = values
    self.batch = batch
    self.imageBytes = imageBytes
    owners = Array(repeating: nil, count: imageSlots)
  }

  /// The classes of a batch's samples, in the order of its parts.
  package func classes(_ samples: SampleBatch, _ inputs: [Int: NoisyInput]) async throws(DeviceError) -> [Int32] {
    var slots: [Int: Int] = [:]
    for index in inputs.keys { if let slot = owners.firstIndex(of: index) { slots[index] = slot } }
    for (index, input) in inputs where slots[index] == nil {
      guard let slot = owners.indices.first(where: { slot in !slots.values.contains(slot) }) else {
        throw .unsupported("a batch holds more images than the classifier has room for")
      }
      try write(input.bytes, slot: slot)
      owners[slot] = index
      slots[index] = slot
    }
    var words: [UInt32] = []
    words.reserveCapacity(batch * AddNoise.requestWords)
    for part in samples.parts {
      guard let input = inputs[part.input], let slot = slots[part.input] else { continue }
      for sample in part.samples.start..<part.samples.end {
        words += [
          UInt32(slot), input.key.0, input.key.1, UInt32(truncatingIfNeeded: sample), UInt32(sample >> 32),
          part.samples.stream, 0, 0,
        ]
      }
    }
    let first = Array(words.prefix(AddNoise.requestWords))
    while words.count < batch * AddNoise.requestWords { words += first }
    try prepared.write(words, to: values.requests)
    try await prepared.run()
    return Array(try prepared.read(values.classes, as: Int32.self).prefix(samples.count))
  }

  /// The logits of the latest pass, [batch, classes].
  package func logits() throws(DeviceError) -> [Float] { try prepared.read(values.logits, as: Float.self) }

  /// What the network ate in the latest pass; only where the input was recorded as an output.
  package func modelInput() throws(DeviceError) -> [UInt8] { try prepared.read(values.input) }

  /// Forgets which images the slots hold.
  func forget() { owners = Array(repeating: nil, count: owners.count) }

  private func write(_ bytes: [UInt8], slot: Int) throws(DeviceError) {
    let result: Result<Void, DeviceError> = bytes.withUnsafeBytes { bytes in
      do throws(DeviceError) {
        return .success(try prepared.write(bytes, to: values.images, offset: slot * imageBytes))
      } catch { return .failure(error) }
    }
    try result.get()
  }
}
