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
    /// The portable rungs, and the tiles of NVIDIA's where the device is one of compute capability 8.0 or more.
    case all
    /// The portable rungs.
    case portable
  }

  /// The rungs beyond the reference that suit the device and compute exactly what the reference kernels do.
  package static func run(_ device: OpenCLDevice, _ scope: Scope = .all) -> KernelAdmission {
    let candidate: Rung = device.kind == .cpu ? .vector : .tiled
    let traits = device.traits(rungs: [.reference, candidate])
    guard RungCase.all.allSatisfy({ passes($0, device, traits, repeats: 3) }) else { return .reference }
    var admission = KernelAdmission(rungs: [.reference, candidate])
    guard scope == .all, device.computeCapability >= 80 else { return admission }
    for tile in KernelTile.all where !tile.needsHopper || device.computeCapability == 90 {
      if passes(tile, device, device.traits(rungs: tile.rungs, tiles: [tile.name]), wide: true) {
        admission.rungs.formUnion(tile.rungs)
        admission.tiles.insert(tile.name)
      }
    }
    return admission
  }

  /// Whether a tile computes what the reference kernels do, in every type that it is for.
  ///
  /// - Parameters:
  ///   - traits: a device that admits only this tile.
  ///   - wide: adds layers of more work-groups than the device runs at once, twenty times: faults that show only when
  ///     several share a compute unit.
  package static func passes(
    _ tile: KernelTile, _ device: OpenCLDevice, _ traits: DeviceTraits, wide: Bool, types: [ElementType]? = nil
  ) -> Bool {
    for type in types ?? tile.types {
      let fitting = RungCase.tiled(type).filter { $0.tiles(traits) == [tile.name] }
      if fitting.isEmpty { return false }
      for test in fitting where !passes(test, device, traits, repeats: 3) { return false }
      if !wide { continue }
      for test in RungCase.wide(type).filter({ $0.tiles(traits) == [tile.name] })
      where !passes(test, device, traits, repeats: 20) { return false }
    }
    return true
  }

  /// Whether a case gives the bits of the reference kernels so many times.
  private static func passes(
    _ test: RungCase, _ device: OpenCLDevice, _ traits: DeviceTraits, repeats: Int
  ) -> Bool {
    guard let wanted = try? outcome(test, device, device.traits(rungs: [.reference]), repeats: 1).first,
      !test.hasNaN(wanted), let found = try? outcome(test, device, traits, repeats: repeats)
    else { return false }
    return found.allSatisfy { $0 == wanted }
  }

  /// The admission from the cache, from a child process (GPUs: a driver abort must not end the job) or from a test here.
  static func passed(_ device: OpenCLDevice) -> KernelAdmission {
    let key = SHA256.text(Array((device.fullName + "\n" + KernelText.digest).utf8))
    let file = CacheFolder.path("rungs").map { "\($0)/\(key)" }
    if let file, let stored = CacheFolder.read(file), let admission = KernelAdmission(json: stored) { return admission }
    let isOwnProgram = SelfTestChild.isAvailable && device.kind == .gpu
    guard isOwnProgram else {
      let admission = run(device)
      remember(admission, file)
      return admission
    }
    if let admission = SelfTestChild.run(device.index, .all) {
      remember(admission, file)
      return admission
    }
    // A child that died or hung may have done so over a vendor's instructions; the portable rungs have another chance.
    return SelfTestChild.run(device.index, .portable) ?? .reference
  }

  /// A failure may be a full device or a busy machine, so only success is remembered.
  private static func remember(_ admission: KernelAdmission, _ file: String?) {
    if admission.rungs.count > 1, let file { _ = CacheFolder.write(Array(admission.json.utf8), to: file) }
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
