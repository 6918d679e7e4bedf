// Chains of steps that an OpenCL device computes at once. The definition is that of Fusion.swift; the choice is by rung.

import Compute
import Tensors

/// A chain of steps with kernels of its own.
protocol DeviceFusedPrimitive: FusedPrimitive {
  /// Whether the device admits the kernels, and they take these shapes.
  func isTaken(_ list: CommandList, on traits: DeviceTraits) -> Bool
}

extension DeviceFusedPrimitive {
  /// Processors keep the steps.
  func isTaken(_ list: CommandList, by processor: ProcessorTraits) -> Bool { false }
}

extension CommandList {
  /// The list with every chain that the device takes replaced by one step, which stands where the last one stood.
  /// - Complexity: O(steps x rules).
  package func fused(for traits: DeviceTraits) throws(ShapeError) -> CommandList {
    let rules: [FusionRule] = [.convolveMaxPool, .shortcut, .invertedResidual]
    let uses = ValueUses(self)
    var replaced: [(any Primitive)?] = steps
    // Steps that stand in a chain already; the last of one is no part of another either.
    var taken: Set<Int> = []
    for last in steps.indices {
      for rule in rules {
        guard let (chain, primitive) = rule.match(uses, last), taken.isDisjoint(with: chain),
          let fused = primitive as? any DeviceFusedPrimitive, fused.isTaken(self, on: traits)
        else { continue }
        for step in chain { replaced[step] = nil }
        replaced[last] = fused
        taken.formUnion(chain)
        break
      }
    }
    return try with(steps: replaced.compactMap { $0 })
  }
}
