// Engines that run on a device, and how they take turns with the CPU's.

import BranchAndBound
import DeviceBounds
import GatherBounds
import Networks
import Synchronization

extension EngineTable {
  /// The fused search: on the device where it can be, on the CPU where not.
  static func fused(_ problem: SearchProblem, _ options: VerifierOptions, _ onCPU: Choice) -> [Choice] {
    guard let device = options.device, !options.wantsProof,
      DeviceInputSearch.refusal(problem, options.semantics) == nil
    else { return [onCPU] }
    let onDevice = Choice(share: 0.8, isOnDevice: true) { _, _ in try device.engines().inputSearch }
    return inTurn(onCPU, onDevice, device, after: .milliseconds(100))
  }

  /// Splits of ReLUs: the same.
  static func activationSplits(_ options: VerifierOptions, _ onCPU: Choice) -> [Choice] {
    guard let device = options.device else { return [onCPU] }
    let onDevice = Choice(share: onCPU.share, isOnDevice: true) { _, _ in
      _ = try device.engines()
      return splits(on: device)
    }
    return inTurn(onCPU, onDevice, device, after: .seconds(2))
  }

  /// A device that the user named comes first. Another one takes over from the CPU if it is found once a search has
  /// gone on for a while: most end before a device would have begun.
  private static func inTurn(
    _ onCPU: Choice, _ onDevice: Choice, _ device: VerificationDevice, after opening: Duration
  ) -> [Choice] {
    if device.isChosen { return [onDevice, onCPU] }
    var first = onCPU
    let began = FirstCall()
    first.givesWay = { began.elapsed > opening && device.isReady() }
    var last = onCPU
    last.make = { problem, options in
      // Only where the device had its turn and could not answer.
      _ = try device.engines()
      return try onCPU.make(problem, options)
    }
    return [first, onDevice, last]
  }

  /// Why a device that the user named is not used for a problem; nil if it is.
  static func remark(on problem: SearchProblem, _ options: VerifierOptions) -> String? {
    guard let device = options.device, device.isChosen,
      engines(for: problem, options).first?.isOnDevice != true
    else { return nil }
    let refusal = DeviceInputSearch.refusal(problem, options.semantics)
    if refusal == nil, options.wantsProof {
      return "the search by input splits writes proofs on the CPU only, so the CPU searched"
    }
    if !hasDeviceForm(problem) { return "regions other than boxes are searched on the CPU" }
    return "no engine for this network runs on OpenCL; the CPU searched"
  }

  /// Whether the gather blocks on a device bound this region.
  static func hasDeviceForm(_ problem: SearchProblem) -> Bool {
    problem.verificationCase.ball == nil && problem.verificationCase.inputRows.isEmpty
  }
}

/// Splits of ReLUs with the bounds of items computed on a device; the region's own bounds come from the CPU.
private func splits(on device: VerificationDevice) -> ActivationSplitSearch {
  ActivationSplitSearch(name: "activation splits, gather blocks on \(device.name ?? "OpenCL")") { problem, options in
    let host = try await GatherBounder(
      problem.network, problem.verificationCase,
      GatherOptions(
        semantics: options.semantics, isRoundingSafe: options.isRoundingSafe, threads: options.threads,
        deadline: options.deadline))
    let bounder = try await beforeDeadline(options.deadline) {
      try await DeviceGatherBounder(host, problem.verificationCase, device: device.engines().device)
    }
    guard let bounder else { throw SplitBoundError.timeout }
    if let bounder { return bounder }
    return host
  }
}

/// The time since it was first asked.
private final class FirstCall: Sendable {
  private let start = Mutex<ContinuousClock.Instant?>(nil)

  var elapsed: Duration {
    let now = ContinuousClock.now
    return start.withLock {
      if let start = $0 { return now - start }
      $0 = now
      return .zero
    }
  }
}
