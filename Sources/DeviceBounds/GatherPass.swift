// The passes over gather blocks as device steps: one launch for each unit and direction, then a sum over blocks.

import Compute
import GatherBounds
import Tensors

/// A step of ascent where the order asks for one, then a backward pass, then bounds of all items.
package struct GatherPass: Primitive {
  package static var name: String { "gather pass" }

  /// Floats of the value `order`: what to do, rate of slopes, rate of multipliers, correction of the second moment, and
  /// whether these items are new.
  package static let orderCount = 5

  package let tables: GatherTables
  package let items: Int
  package let order, rowOfItem, parameters, moments1, moments2, best, marks: Value
  package let coefficients, y, choice, sums, errors, totals, bestBound, improved: Value

  package init(_ tables: GatherTables, items: Int, in list: inout CommandList) {
    precondition(items % 4 == 0)
    self.tables = tables
    self.items = items
    let slots = max(1, tables.slotCount)
    order = list.input([Self.orderCount], .float32, name: "order")
    rowOfItem = list.input([items], .int32, name: "rows of items")
    parameters = list.state([slots, items], .float32, name: "parameters")
    moments1 = list.state([slots, items], .float32, name: "first moments")
    moments2 = list.state([slots, items], .float32, name: "second moments")
    best = list.state([slots, items], .float32, name: "best parameters")
    coefficients = list.state([slots, items], .float32, name: "coefficients")
    marks = list.state([tables.blockCount, items], .uint32, name: "marks")
    y = list.state([max(1, tables.rowCount), items], .float32, name: "rows")
    choice = list.state([max(1, tables.inputRows), items], .int8, name: "choices")
    sums = list.state([tables.blockCount, items], .float32, name: "sums")
    errors = list.state([tables.blockCount, items], .float32, name: "errors")
    totals = list.state([items, 4], .float64, name: "totals")
    bestBound = list.state([items], .float64, name: "best bounds")
    improved = list.state([items], .int32, name: "improved")
  }

  package var reads: [Value] { writes + [order, rowOfItem] }
  package var writes: [Value] {
    [
      parameters, moments1, moments2, best, coefficients, marks, y, choice, sums, errors, totals, bestBound, improved,
    ]
  }

  package func validate(_ list: CommandList) throws(ShapeError) {}

  package func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    guard traits.hasDouble else {
      throw ShapeError("gather blocks sum their bounds in binary64, which this device lacks; use the CPU device")
    }
    let constants = Constants(tables)
    let group = traits.kind == .gpu ? 4 : 1
    let defines: [KernelLaunch.Define] = [.init("WPB", group), .init("SW", 1)]
    var result: [KernelLaunch] = []
    for unit in tables.units where !unit.isInput && unit.blocks > 0 {
      result.append(launch("forward", unit, defines, group, forwardArguments(unit, constants)))
    }
    for unit in tables.units.reversed() where unit.blocks > 0 {
      result.append(launch("backward", unit, defines, group, backwardArguments(unit, constants)))
    }
    let isSafe = tables.relative > 0
    result.append(
      KernelLaunch(
        "bounds/gather_blocks.cl", "finish", defines: defines,
        arguments: [
          .int32(Int32(items)), .int32(Int32(tables.blockCount)),
          .float64(isSafe ? Double(tables.blockCount + 8) * 0x1p-52 : 0), .float64(isSafe ? tables.floor : 0),
          .value(sums), .value(errors), .packed(constants.rowConstants), .value(rowOfItem), .value(totals),
          .value(bestBound), .value(improved), .value(order),
        ], globalSize: [(items + 31) / 32 * 32], localSize: [32]))
    return result
  }

  private func launch(
    _ function: String, _ unit: GatherTables.Unit, _ defines: [KernelLaunch.Define], _ group: Int,
    _ arguments: [KernelLaunch.Argument]
  ) -> KernelLaunch {
    KernelLaunch(
      "bounds/gather_blocks.cl", function, defines: defines, arguments: arguments,
      globalSize: [(unit.blocks + group - 1) / group * 32, (items / 4 + 31) / 32 * group], localSize: [32, group])
  }

  private func backwardArguments(_ unit: GatherTables.Unit, _ constants: Constants) -> [KernelLaunch.Argument] {
    [
      .int32(Int32(unit.firstBlock)), .int32(Int32(unit.blocks)), .int32(Int32(unit.firstRow)),
      .int32(Int32(unit.firstStart ?? -1)), .int32(Int32(tables.rowConstants.count)), .int32(Int32(items / 4)),
      .int32(unit.isInput ? 1 : 0), .float32(Float(tables.relative)), .packed(constants.backStarts),
      .packed(constants.backIndex), .packed(constants.backPanel), .packed(constants.rowStarts), .value(rowOfItem),
      .value(y), .value(coefficients), .value(parameters), .value(marks), .value(choice), .packed(constants.lines),
      .packed(constants.biases), .packed(constants.masks), .packed(constants.firstSlot), .packed(constants.box),
      .value(sums), .value(errors),
    ]
  }

  private func forwardArguments(_ unit: GatherTables.Unit, _ constants: Constants) -> [KernelLaunch.Argument] {
    [
      .int32(Int32(unit.firstBlock)), .int32(Int32(unit.blocks)), .int32(Int32(unit.firstRow)),
      .int32(Int32(items / 4)), .packed(constants.foreStarts), .packed(constants.foreMiddles),
      .packed(constants.foreIndex), .packed(constants.forePanel), .value(y), .value(coefficients),
      .value(parameters), .value(moments1), .value(moments2), .value(best), .value(marks), .value(choice),
      .packed(constants.lines), .packed(constants.biases), .packed(constants.masks), .packed(constants.firstSlot),
      .packed(constants.box), .value(improved), .value(order),
    ]
  }

  /// The tables as tensors, none of them empty.
  private struct Constants {
    let backStarts, backIndex, backPanel, foreStarts, foreMiddles, foreIndex, forePanel: Tensor
    let masks, firstSlot, lines, biases, box, rowStarts, rowConstants: Tensor

    init(_ tables: GatherTables) {
      backStarts = Self.integers(tables.backStarts)
      backIndex = Self.integers(tables.backIndex)
      backPanel = Self.floats(tables.backPanel)
      foreStarts = Self.integers(tables.foreStarts)
      foreMiddles = Self.integers(tables.foreMiddles)
      foreIndex = Self.integers(tables.foreIndex)
      forePanel = Self.floats(tables.forePanel)
      masks = Tensor(shape: [tables.masks.count], type: .uint8, elements: tables.masks)
      firstSlot = Self.integers(tables.firstSlot)
      lines = Self.floats(tables.lines)
      biases = Self.floats(tables.biases)
      box = Self.floats(tables.box)
      rowStarts = Self.floats(tables.rowStarts)
      let pairs = tables.rowConstants.flatMap { [$0.constant, $0.error] }
      rowConstants = Tensor(shape: [pairs.count], type: .float64, elements: pairs)
    }

    private static func integers(_ numbers: [Int32]) -> Tensor {
      let kept = numbers.isEmpty ? [0] : numbers
      return Tensor(shape: [kept.count], type: .int32, elements: kept)
    }

    private static func floats(_ numbers: [Float]) -> Tensor {
      let kept = numbers.isEmpty ? [0] : numbers
      return Tensor(shape: [kept.count], floats: kept)
    }
  }
}
