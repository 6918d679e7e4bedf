// One round of a search by input splits as a device step: bound every box of the frontier, push what stays open.

import Compute
import Tensors

/// Reads the frontier's half named by `order`, writes the other one and the counters.
package struct InputSearchRound: Primitive {
  package static var name: String { "input search round" }

  /// Places in the value `order`.
  package enum Order: Int, CaseIterable {
    case parity, entries, halves, capacity, rows, clauses, boundsOnly, seal, firstEntry
  }

  /// Places in the value `counters`; `least` is the least bound of a box left open, as `orderedBits` has it.
  package enum Counter: Int, CaseIterable {
    case pushed, overflown, stuck, found, proven, split, unsealed, popped, least
  }

  /// How many candidates a round keeps.
  package static let candidates = 16

  package let shape: SearchShape
  package let capacity: Int
  package let isSafe: Bool
  package let weights, transposed, first, biases, rows, constants, clauses: Value
  package let order, frontier, counters, found, bounds: Value
  /// The absolute error of any bound; a value, since it differs from case to case.
  package let omega: Value

  /// Records the step with all its values.
  package init(_ shape: SearchShape, capacity: Int, isSafe: Bool, in list: inout CommandList) {
    self.shape = shape
    self.capacity = capacity
    self.isSafe = isSafe
    let matrices = max(1, shape.layers - 1)
    weights = list.input([matrices, shape.width, shape.pad], .float64, name: "weights")
    transposed = list.input([matrices, shape.width, 64], .float64, name: "transposed weights")
    first = list.input([shape.width, shape.inputs], .float64, name: "first weights")
    biases = list.input([shape.layers, shape.pad, 2], .float64, name: "biases")
    rows = list.input([shape.rows, 64], .float64, name: "rows")
    constants = list.input([shape.rows, 2], .float64, name: "constants")
    clauses = list.input([shape.rows, 2], .int32, name: "clauses")
    order = list.input([Order.allCases.count], .int32, name: "order")
    omega = list.input([1], .float64, name: "omega")
    frontier = list.state([2, capacity, shape.words], .uint32, name: "frontier")
    counters = list.state([Counter.allCases.count], .int32, name: "counters")
    found = list.state([Self.candidates, shape.inputs], .float64, name: "candidates")
    bounds = list.state([Self.boundCapacity, shape.rows], .float64, name: "bounds")
  }

  /// How many boxes a launch for bounds alone may have.
  package static let boundCapacity = 1024

  package var reads: [Value] {
    [
      weights, transposed, first, biases, rows, constants, clauses, order, omega, frontier, counters, found, bounds,
    ]
  }
  package var writes: [Value] { [frontier, counters, found, bounds] }

  package func validate(_ list: CommandList) throws(ShapeError) {
    guard (1...16).contains(shape.layers), (1...64).contains(shape.width), (1...16).contains(shape.inputs),
      (8...32).contains(shape.rows)
    else {
      throw ShapeError(
        "the fused search bounds up to 16 hidden layers of up to 64 neurons, 16 inputs and 32 rows; "
          + "choose another engine for this network")
    }
  }

  package func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    guard traits.hasDouble else {
      throw ShapeError("the fused search computes in binary64, which this device lacks; use the CPU device")
    }
    let boxes = traits.kind == .gpu ? 2 : 1
    guard traits.maximumWorkGroup >= 32 * boxes else {
      throw ShapeError("the fused search needs work-groups of \(32 * boxes) items; use the CPU device")
    }
    let defines: [KernelLaunch.Define] = [
      .init("LAYERS", shape.layers), .init("WIDTH", shape.width), .init("INPUTS", shape.inputs),
      .init("ROWS", shape.rows), .init("SUBS", boxes), .init("SAFE", isSafe ? 1 : 0),
    ]
    let groups = traits.kind == .gpu ? 8 * traits.computeUnits : 32 * traits.computeUnits
    let values = [
      weights, transposed, first, biases, rows, constants, clauses, order, frontier, counters, found, bounds, omega,
    ]
    return [
      KernelLaunch(
        "bounds/input_search.cl", "search_round", defines: defines, arguments: values.map { .value($0) },
        globalSize: [32 * boxes * groups], localSize: [32 * boxes])
    ]
  }

  /// The float behind a `least` counter.
  package static func float(orderedBits bits: Int32) -> Float {
    Float(bitPattern: UInt32(bitPattern: bits ^ ((bits >> 31) & 0x7fff_ffff)))
  }

  static func orderedBits(_ x: Float) -> Int32 {
    let bits = Int32(bitPattern: x.bitPattern)
    return bits ^ ((bits >> 31) & 0x7fff_ffff)
  }
}
