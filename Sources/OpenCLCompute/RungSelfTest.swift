// Whether a kernel variant computes the right numbers on this device and driver.
//
// Small convolutions and matrix products on integers, whose sums are exact in binary32 in any order and whose results
// are exact in the type of the activations, so that a variant must give the bits of the reference kernels. Outputs are
// NaN beforehand; every case runs several times.

import Compute
import Hashing
import Primitives
import Tensors

/// The admission test of kernel variants.
package enum RungSelfTest {
  /// What is tested.
  package enum Scope: String, Sendable {
    /// The portable kernels, and NVIDIA's where the device is one of compute capability 8.0 or more.
    case all
    /// The portable kernels.
    case portable
  }

  /// The rungs beyond the reference that suit the device and compute exactly what the reference kernels do.
  ///
  /// - Parameter report: gets a line for every variant that was tried.
  package static func run(
    _ device: OpenCLDevice, _ scope: Scope = .all, report: (String) -> Void = { _ in }
  ) -> KernelAdmission {
    let candidate: Rung = device.kind == .cpu ? .vector : .tiled
    let traits = device.traits(rungs: [.reference, candidate])
    for test in RungCase.all {
      if let reason = failure(test, device, traits, repeats: 3) {
        report("\(candidate.rawValue): refused, \(reason)")
        return .reference
      }
    }
    report("\(candidate.rawValue): admitted")
    var admission = KernelAdmission(rungs: [.reference, candidate])
    if device.kind == .cpu { return admission }
    for tile in KernelTile.all where tile.runs(onCapability: scope == .all ? device.computeCapability : 0) {
      let clock = ContinuousClock()
      let start = clock.now
      let reason = failure(tile, device, device.traits(rungs: tile.rungs, tiles: [tile.name]), .wide)
      report("\(tile.name): \(reason.map { "refused, " + $0 } ?? "admitted") (\(clock.now - start))")
      if reason == nil {
        admission.rungs.formUnion(tile.rungs)
        admission.tiles.insert(tile.name)
      }
    }
    return admission
  }

  /// Why a tile does not compute what the reference kernels do, in every type that it is for; nil if it does.
  ///
  /// - Parameters:
  ///   - traits: a device that admits only this tile.
  ///   - extent: tiny problems run once. Wide ones come after the small ones, in the first type only: layers of more
  ///     work-groups than the device runs at once, twenty times, for faults that show only when several share a compute
  ///     unit.
  ///   - count: how many of the small problems are computed; nil for all.
  package static func failure(
    _ tile: KernelTile, _ device: OpenCLDevice, _ traits: DeviceTraits, _ extent: KernelTile.Extent,
    types: [ElementType]? = nil, count: Int? = nil
  ) -> String? {
    for type in types ?? tile.types {
      func suiting(_ extent: KernelTile.Extent) -> [RungCase] {
        tile.cases(type, extent).filter { $0.tiles(traits) == [tile.name] }
      }
      let first = suiting(extent == .tiny ? .tiny : .small)
      if first.isEmpty { return "no problem in \(type.rawValue) suits it" }
      let wide = extent == .wide && type == tile.types[0] ? suiting(.wide) : []
      let tests = first.prefix(count ?? first.count).map { ($0, extent == .tiny ? 1 : 3) } + wide.map { ($0, 20) }
      for (index, (test, repeats)) in tests.enumerated() {
        if let reason = failure(test, device, traits, repeats: repeats) {
          return "problem \(index) in \(type.rawValue): \(reason)"
        }
      }
    }
    return nil
  }

  /// Why a case does not give the bits of the reference kernels so many times; nil if it does.
  private static func failure(
    _ test: RungCase, _ device: OpenCLDevice, _ traits: DeviceTraits, repeats: Int
  ) -> String? {
    do throws(DeviceError) {
      let wanted = try outcome(test, device, device.traits(rungs: [.reference]), repeats: 1)[0]
      if test.hasNaN(wanted) { return "the reference kernels leave NaN" }
      for (run, found) in try outcome(test, device, traits, repeats: repeats).enumerated() where found != wanted {
        let count = zip(found, wanted).count { $0 != $1 }
        return "run \(run) differs in \(count) of \(wanted.count) bytes"
      }
      return nil
    } catch { return "\(error)" }
  }

  /// The admission from the cache, from a child process (GPUs: a driver abort must not end the job) or from a test here.
  static func passed(_ device: OpenCLDevice) -> KernelAdmission {
    let file = file(device)
    if let file, let stored = CacheFolder.read(file), let admission = KernelAdmission(json: stored) { return admission }
    let isOwnProgram = SelfTestChild.isAvailable && device.kind == .gpu
    guard isOwnProgram else {
      let admission = run(device)
      remember(admission, device)
      return admission
    }
    if let admission = SelfTestChild.run(device.index, .all) {
      remember(admission, device)
      return admission
    }
    // A child that died or hung may have done so over a vendor's instructions; the portable rungs have another chance.
    return SelfTestChild.run(device.index, .portable) ?? .reference
  }

  /// A failure may be a full device or a busy machine, so only success is remembered.
  package static func remember(_ admission: KernelAdmission, _ device: OpenCLDevice) {
    if admission.rungs.count > 1, let file = file(device) {
      _ = CacheFolder.write(Array(admission.json.utf8), to: file)
    }
  }

  /// Where a device's admission is kept: it depends on the device, its driver and the kernels.
  private static func file(_ device: OpenCLDevice) -> String? {
    let key = SHA256.text(Array((device.fullName + "\n" + KernelText.digest).utf8))
    return CacheFolder.path("rungs").map { "\($0)/\(key)" }
  }

  private static func outcome(
    _ test: RungCase, _ device: OpenCLDevice, _ traits: DeviceTraits, repeats: Int
  ) throws(DeviceError) -> [[UInt8]] {
    let prepared = try device.prepare(test.list, instances: 1, traits: traits)[0]
    for (value, bytes) in test.inputs { try prepared.write(bytes, to: value) }
    var results: [[UInt8]] = []
    for _ in 0..<repeats {
      // All bits set is a NaN in every type.
      try prepared.write([UInt8](repeating: 0xff, count: test.list[test.output].byteCount), to: test.output)
      try prepared.runAndWait()
      results.append(try prepared.read(test.output))
    }
    return results
  }
}
