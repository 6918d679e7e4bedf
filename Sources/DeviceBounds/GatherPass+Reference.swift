// The definition of a gather pass: item after item, block after block.

import Compute
import GatherBounds

extension GatherPass {
  package func reference(_ memory: HostMemory) {
    let what = memory.elements(order, as: Float.self)[0]
    for item in 0..<items {
      if what == 1 { ascend(item, memory) }
      if what == 2, memory.elements(improved, as: Int32.self)[item] == 0 {
        let kept = memory.elements(best, as: Float.self)
        let current = memory.elements(parameters, as: Float.self)
        for slot in 0..<tables.slotCount { current[slot * items + item] = kept[slot * items + item] }
      }
      for unit in tables.units.reversed() {
        for block in 0..<unit.blocks { backward(unit, block, item, memory) }
      }
      finish(item, memory)
    }
  }

  private func backward(_ unit: GatherTables.Unit, _ localBlock: Int, _ item: Int, _ memory: HostMemory) {
    let block = unit.firstBlock + localBlock
    let y = memory.elements(y, as: Float.self)
    var a = [Float](repeating: 0, count: 8)
    if let start = unit.firstStart {
      let row = Int(memory.elements(rowOfItem, as: Int32.self)[item])
      for j in 0..<8 { a[j] = tables.rowStarts[(start + localBlock * 8 + j) * tables.rowConstants.count + row] }
    }
    for k in Int(tables.backStarts[block])..<Int(tables.backStarts[block + 1]) {
      let x = y[Int(tables.backIndex[k]) * items + item]
      for j in 0..<8 { a[j] = a[j].addingProduct(x, tables.backPanel[8 * k + j]) }
    }
    var c: Float = 0
    var e: Float = 0
    let relative = Float(tables.relative)
    if unit.isInput {
      let choice = memory.elements(choice, as: Int8.self)
      for j in 0..<8 {
        let row = localBlock * 8 + j
        let isUpper = !(a[j] >= 0)
        let x = tables.box[2 * row + (isUpper ? 1 : 0)]
        c = c.addingProduct(a[j], x)
        e = e.addingProduct(relative, (a[j] * x).magnitude)
        choice[row * items + item] = isUpper ? -1 : 0
      }
    } else {
      let mark = memory.elements(marks, as: UInt32.self)[block * items + item]
      var slot = Int(tables.firstSlot[block])
      for j in 0..<8 {
        let row = unit.firstRow + localBlock * 8 + j
        var next: Float = 0
        if tables.masks[2 * block] >> UInt8(j) & 1 != 0 {
          next = relax(a[j], slot, row, mark >> UInt32(2 * j) & 3, item, memory, &c, &e)
          slot += 1
        } else if tables.masks[2 * block + 1] >> UInt8(j) & 1 != 0 {
          next = a[j]
        }
        c = c.addingProduct(next, tables.biases[2 * row])
        e = e.addingProduct(next.magnitude, tables.biases[2 * row + 1])
        y[row * items + item] = next
      }
    }
    memory.elements(sums, as: Float.self)[block * items + item] = c
    memory.elements(errors, as: Float.self)[block * items + item] = e
  }

  /// The coefficient of the operand of an unstable neuron (soundness.md 1.4).
  private func relax(
    _ a: Float, _ slot: Int, _ row: Int, _ mark: UInt32, _ item: Int, _ memory: HostMemory, _ c: inout Float,
    _ e: inout Float
  ) -> Float {
    let p = memory.elements(parameters, as: Float.self)[slot * items + item]
    memory.elements(coefficients, as: Float.self)[slot * items + item] = a
    if mark != 0 { return mark == 1 ? a - p : p }
    let y = a * (a >= 0 ? p : tables.lines[4 * row + 2])
    let cost = max(max(y * tables.lines[4 * row], (y - a) * tables.lines[4 * row + 1]), 0)
    c -= cost
    e = e.addingProduct(Float(tables.relative), cost)
    return y
  }

  private func finish(_ item: Int, _ memory: HostMemory) {
    let order = memory.elements(order, as: Float.self)
    let start = tables.rowConstants[Int(memory.elements(rowOfItem, as: Int32.self)[item])]
    var total = start.constant
    var error = start.error
    var size = abs(start.constant)
    for block in 0..<tables.blockCount {
      let part = Double(memory.elements(sums, as: Float.self)[block * items + item])
      total += part
      size += part.magnitude
      error += Double(memory.elements(errors, as: Float.self)[block * items + item])
    }
    let isSafe = tables.relative > 0
    let perAddition = isSafe ? Double(tables.blockCount + 8) * 0x1p-52 : 0
    error = (error + perAddition * size) * (1 + 0x1p-18) + (isSafe ? tables.floor : 0)
    let raw = total - error
    let bound = total.isFinite && error.isFinite ? raw - raw.magnitude * 0x1p-51 : .nan
    let totals = memory.elements(totals, as: Double.self)
    (totals[4 * item], totals[4 * item + 1], totals[4 * item + 2], totals[4 * item + 3]) = (total, error, size, bound)
    let best = memory.elements(bestBound, as: Double.self)
    let isBetter = order[4] != 0 || bound > best[item] || best[item].isNaN && !bound.isNaN
    memory.elements(improved, as: Int32.self)[item] = isBetter ? 1 : 0
    if isBetter { best[item] = bound }
  }

  private func ascend(_ item: Int, _ memory: HostMemory) {
    let y = memory.elements(y, as: Float.self)
    let choice = memory.elements(choice, as: Int8.self)
    for unit in tables.units where !unit.isInput {
      for localBlock in 0..<unit.blocks {
        let block = unit.firstBlock + localBlock
        var z = (0..<8).map { tables.biases[2 * (unit.firstRow + localBlock * 8 + $0)] }
        for k in Int(tables.foreStarts[block])..<Int(tables.foreStarts[block + 1]) {
          let row = Int(tables.foreIndex[k])
          let isInput = k < Int(tables.foreMiddles[block])
          let x =
            isInput ? tables.box[2 * row + (choice[row * items + item] == 0 ? 0 : 1)] : y[row * items + item]
          for j in 0..<8 { z[j] = z[j].addingProduct(x, tables.forePanel[8 * k + j]) }
        }
        let mark = memory.elements(marks, as: UInt32.self)[block * items + item]
        var slot = Int(tables.firstSlot[block])
        for j in 0..<8 {
          let row = unit.firstRow + localBlock * 8 + j
          var value: Float = tables.masks[2 * block + 1] >> UInt8(j) & 1 != 0 ? z[j] : 0
          if tables.masks[2 * block] >> UInt8(j) & 1 != 0 {
            value = step(z[j], slot * items + item, row, mark >> UInt32(2 * j) & 3, item, memory)
            slot += 1
          }
          y[row * items + item] = value
        }
      }
    }
  }

  /// A step of Adam for one unstable neuron; its value on the line that the backward pass chose.
  private func step(
    _ z: Float, _ place: Int, _ row: Int, _ mark: UInt32, _ item: Int, _ memory: HostMemory
  ) -> Float {
    let order = memory.elements(order, as: Float.self)
    let a = memory.elements(coefficients, as: Float.self)[place]
    let parameters = memory.elements(parameters, as: Float.self)
    let p = parameters[place]
    if memory.elements(improved, as: Int32.self)[item] != 0 { memory.elements(best, as: Float.self)[place] = p }
    let isFree = mark == 0
    let relaxed = a >= 0 ? p * z : tables.lines[4 * row + 3].addingProduct(tables.lines[4 * row + 2], z)
    let gradient = isFree ? (a >= 0 ? a * z : 0) : (mark == 1 ? -z : z)
    let moments1 = memory.elements(moments1, as: Float.self)
    let moments2 = memory.elements(moments2, as: Float.self)
    moments1[place] = moments1[place].addingProduct(0.1, gradient - moments1[place])
    moments2[place] = moments2[place].addingProduct(0.001, gradient * gradient - moments2[place])
    let rate = order[isFree ? 1 : 2]
    let next = max(p + rate * moments1[place] / ((moments2[place] * order[3]).squareRoot() + 1e-8), 0)
    parameters[place] = isFree ? min(next, 1) : next
    return isFree ? relaxed : (mark == 1 ? z : 0)
  }
}
