// Chains of multiply-adds by multiply_adds.cl: a register of lanes for each sum on CPUs, one number on GPUs.

import Compute
import Tensors

extension MultiplyAdds {
  public func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    let lanes = traits.kind == .cpu ? (traits.vectorWidth >= 16 ? 16 : 8) : 1
    let items = list[sums].count / (12 * lanes)
    // A power of two that divides the items: every item has its sums.
    let local = min(items & -items, traits.kind == .cpu ? 1 : min(256, traits.maximumWorkGroup))
    return [
      KernelLaunch(
        "dense/multiply_adds.cl", "multiply_adds", defines: [.init("LANES", lanes)],
        arguments: [.value(starts), .value(sums), .int(rounds), .float32(0x1p-5)], globalSize: [items],
        localSize: [local])
    ]
  }
}
