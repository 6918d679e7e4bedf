import Compute
import Graphs
import Hashing
import Primitives
import Smoothing
import Tensors

/// Measures one classifier on one device.
struct SmoothingBench {
  let setup: ClassifierSetup
  let plan: LoweringPlan
  let device: any Device
  let seconds: Double

  /// What one configuration did.
  struct Figures {
    /// Samples per second of the whole pass, of the network alone and of the noise alone.
    var samples: Double
    var forward: Double
    var noise: Double
    /// The kernels that ran, as a certificate would name them.
    var variant: String
  }

  func measure() async throws -> Figures {
    let batch = plan.inputs[0].shape[0]
    let input = Self.image(setup.imageShape)
    let classifier = try await setup.classifier(plan, on: device, instances: device.concurrency)
    let samples = try await rate(classifier.instances.count, batch) { instance, pass in
      let range = SampleRange(stream: SampleRange.estimation, start: pass * batch, end: (pass + 1) * batch)
      _ = try await classifier.instances[instance].classes(
        SampleBatch(parts: [.init(input: 0, samples: range)]), [0: input])
    }
    let network = try plan.lowered()
    let networks = try await device.prepare(network.commands, instances: device.concurrency)
    let forward = try await rate(networks.count, batch) { instance, _ in try await networks[instance].run() }
    let noises = try await device.prepare(try setup.noiseList(plan), instances: device.concurrency)
    let noise = try await rate(noises.count, batch) { instance, _ in try await noises[instance].run() }
    return Figures(
      samples: samples, forward: forward, noise: noise,
      variant: ClassifierSetup.variant(device.identity, tiles: classifier.tiles))
  }

  /// Samples per second of passes over one batch each.
  private func rate(
    _ instances: Int, _ batch: Int, pass: @escaping @Sendable (Int, Int) async throws -> Void
  ) async throws -> Double {
    Double(batch) * (try await Throughput.passesPerSecond(instances, seconds: seconds, pass: pass))
  }

  /// The noise bits and logits of the first samples, to compare devices by.
  func probe(samples: Int) async throws -> Probe {
    let batch = plan.inputs[0].shape[0]
    let classifier = try await setup.classifier(plan, on: device, instances: 1, keepsInputs: true)
    let instance = classifier.instances[0]
    let hash = SHA256()
    var logits: [[Float]] = []
    var start = 0
    let isFloat = plan.inputs[0].type == .float32
    let image = Self.image(setup.imageShape)
    while start < samples {
      let range = SampleRange(
        stream: SampleRange.estimation, start: start, end: min(samples, start + batch))
      _ = try await instance.classes(SampleBatch(parts: [.init(input: 0, samples: range)]), [0: image])
      let eaten = try instance.modelInput()
      hash.update(Array(eaten.prefix(range.count * eaten.count / batch)))
      let all = try instance.logits()
      for sample in 0..<range.count {
        logits.append(Array(all[(sample * classifier.classes)...].prefix(classifier.classes)))
      }
      start = range.end
    }
    return Probe(logits: logits, noiseSHA256: hexadecimal(hash.finish()), isFloat: isFloat)
  }

  /// A fixed picture: smooth waves, so that a classifier sees something.
  static func image(_ shape: [Int]) -> NoisyInput {
    var bytes: [UInt8] = []
    for row in 0..<shape[0] {
      for column in 0..<shape[1] {
        for channel in 0..<shape[2] {
          bytes.append(UInt8((row * (3 + channel) + column * (5 - channel) + row * column / 16) % 256))
        }
      }
    }
    return NoisyInput(bytes: bytes, key: (0x5375_7265, 0x7479_0002))
  }
}

/// What a configuration answered on fixed samples.
struct Probe {
  let logits: [[Float]]
  let noiseSHA256: String
  let isFloat: Bool

  /// The share of equal classes, disagreements that rounding does not explain, and whether the noise bits are equal
  /// (inputs of another type are not compared).
  func compare(with other: Probe) -> (share: Double, unexplained: Int, noiseEqual: Bool) {
    var equal = 0
    var unexplained = 0
    for (mine, its) in zip(logits, other.logits) {
      let first = Self.top(mine)
      let second = Self.top(its)
      if first == second {
        equal += 1
      } else if (its[first] - its[second]).magnitude >= 1e-4 * (its.map(\.magnitude).max() ?? 0) {
        unexplained += 1
      }
    }
    return (
      Double(equal) / Double(max(1, logits.count)), unexplained,
      isFloat != other.isFloat || noiseSHA256 == other.noiseSHA256
    )
  }

  private static func top(_ logits: [Float]) -> Int {
    logits.indices.max { logits[$0] < logits[$1] || (logits[$0] == logits[$1] && $0 > $1) } ?? 0
  }
}
