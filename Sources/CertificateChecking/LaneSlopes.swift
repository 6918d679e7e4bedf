import CProofChecking
import Networks

// Lines and planes that a proof chooses, for each lane of a pass its own.

/// Lines of its own for each lane, where a proof stores slopes.
struct LaneSlopes {
  /// For every neuron of the network, an index into `lines`, or -1.
  var index: [Int32]
  /// [index][6][lane], aligned.
  let lines: UnsafeMutablePointer<Double>
  private let capacity: Int
  private var used: [Int] = []

  /// Room for slopes of up to `capacity` neurons.
  init(neurons: Int, capacity: Int) {
    index = Array(repeating: -1, count: neurons)
    self.capacity = max(1, capacity)
    let bytes = self.capacity * 6 * PartBounds.lanes * MemoryLayout<Double>.stride
    lines = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
      .bindMemory(to: Double.self, capacity: bytes / 8)
  }

  func deallocate() { UnsafeMutableRawPointer(lines).deallocate() }

  mutating func clear() {
    for neuron in used { index[neuron] = -1 }
    used.removeAll(keepingCapacity: true)
  }

  /// Gives a lane the lines that a stored slope names: those of every function of an operand, or those of the one
  /// function or product -1 - neuron.
  mutating func set(_ slope: ProofTree.Slope, lane: Int, part: PartBounds, in check: CaseCheck) {
    if slope.neuron >= 0 {
      for use in check.consumers[slope.neuron] ?? [] {
        setLine(slope, of: use.function, use.neuron, operand: Int(slope.neuron), lane: lane, part: part)
      }
      return
    }
    let j = -1 - Int(slope.neuron)
    let layer = Int(check.layerOf[j])
    let flat = check.network.layers[layer]
    let operand = Int(flat.left) + j - Int(flat.first)
    if let function = check.network.functions[layer] {
      setLine(slope, of: function, j, operand: operand, lane: lane, part: part)
    } else if flat.kind == CPROOF_PRODUCT {
      let other = Int(flat.right) + j - Int(flat.first)
      guard let place = place(of: j, lane: lane, part: part, relu: nil) else { return }
      for (offset, byte) in [(0, slope.lower), (3, slope.upper)] {
        let plane = CheckedPlane(
          part.lower[operand], part.upper[operand], part.lower[other], part.upper[other], isUpper: offset == 3,
          position: Double(byte) / 255)
        for (number, value) in [plane.x, plane.y, plane.constant].enumerated() {
          place[(offset + number) * PartBounds.lanes] = value
        }
      }
    }
  }

  private mutating func setLine(
    _ slope: ProofTree.Slope, of function: ElementaryFunction, _ j: Int, operand z: Int, lane: Int, part: PartBounds
  ) {
    let (l, u) = (part.lower[z], part.upper[z])
    guard let place = place(of: j, lane: lane, part: part, relu: function == .relu ? (u > -l ? 1 : 0) : nil) else {
      return
    }
    if function == .relu {
      place[0] = Double(slope.lower) / 255
      return
    }
    let below = part.line(of: j, function, l, u, isUpper: false, position: slope.lower)
    let above = part.line(of: j, function, l, u, isUpper: true, position: slope.upper)
    for (number, value) in [below.slope, below.intercept, above.slope, above.intercept].enumerated() {
      place[number * PartBounds.lanes] = value
    }
  }

  /// Where a lane's numbers for neuron j stand; the other lanes start with the default ones. Nil if there is no room.
  private mutating func place(
    of j: Int, lane: Int, part: PartBounds, relu: Double?
  ) -> UnsafeMutablePointer<Double>? {
    if index[j] < 0 {
      guard used.count < capacity else { return nil }
      index[j] = Int32(used.count)
      used.append(j)
      let place = lines + Int(index[j]) * 6 * PartBounds.lanes
      for other in 0..<PartBounds.lanes {
        if let relu {
          place[other] = relu
        } else {
          for number in 0..<6 { place[number * PartBounds.lanes + other] = part.lines[6 * j + number] }
        }
      }
    }
    return lines + Int(index[j]) * 6 * PartBounds.lanes + lane
  }
}

/// A function neuron that reads an operand.
struct FunctionUse {
  var neuron: Int
  var function: ElementaryFunction
}
