// The test that a device must pass before the search kernel may prove anything on it: a known small tree.
//
// A kernel that loses boxes would "prove" everything, and no test of bounds would show it (PoCL 3.1 did that once). So a
// small search that takes some rounds runs by the definition on the host and by the kernel, round by round; all
// counters must agree, and so must the frontier's end.

import Compute
import Networks

extension SearchSession {
  /// What went wrong, in words; nil if the kernel is admitted.
  package func admissionFault() async throws -> String? {
    guard let tables = Self.knownTree(round.shape) else { return nil }
    let host = HostRounds(round, list)
    defer { host.release() }
    let reference = SearchSession(round, list, host)
    try load(tables)
    try reference.load(tables)
    try writeEntries(tables.rootEntry(seal: 1), parity: 0)
    try reference.writeEntries(tables.rootEntry(seal: 1), parity: 0)
    var entries = 1
    for index in 0..<Self.knownRounds where entries > 0 {
      let order = Order(
        parity: index & 1, firstEntry: 0, entries: entries, halves: index == 0 ? 1 : 2, seal: index + 1)
      try reset()
      try reference.reset()
      let found = try await launch(order, tables)
      let wanted = try await reference.launch(order, tables)
      for counter in InputSearchRound.Counter.allCases
      where counter != .least && counter != .found && found[counter] != wanted[counter] {
        return "\(counter) is \(found[counter]) instead of \(wanted[counter]) in round \(index)"
      }
      if let fault = found.fault(boxes: order.entries * order.halves) { return fault }
      entries = found[.pushed]
    }
    return nil
  }

  /// How many rounds of the small search are compared at most.
  static let knownRounds = 12

  /// phi_r = c_r (f(x_0, x_1) - min f + 1/16) for a random chain f of eight neurons a layer on [-1, 1]^2, in tables of a
  /// given shape; two rows make a clause. Decisions lie far from rounding.
  package static func knownTree(_ shape: SearchShape) -> ChainTables? {
    let inputs = min(shape.inputs, 2)
    let count = min(shape.width, 4 * inputs)
    var generator: UInt64 = 0x9e37_79b9
    func next() -> Double {
      generator = generator &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Double(Int64(bitPattern: generator) >> 33) * 0x1p-30
    }
    var layers: [ReLUChain.Layer] = []
    for t in 0..<shape.layers {
      let fanIn = t == 0 ? shape.inputs : layers[t - 1].count
      // The first layer has the shape's full width, so that the tables are of this shape; the rest are narrow.
      let size = t == 0 ? shape.width : count
      var weights = (0..<size * fanIn).map { index in
        index % fanIn < (t == 0 ? inputs : count) ? next() : 0
      }
      if t == 0 { for index in weights.indices where index / fanIn >= count { weights[index] = 0 } }
      layers.append(
        ReLUChain.Layer(
          count: size, inputCount: fanIn, weights: weights,
          bias: (0..<size).map { t == 0 && $0 >= count ? -1 : 0.25 * next() },
          biasError: Array(repeating: 0, count: size), coefficientRoundings: 0, float32ExtraRoundings: 0))
    }
    let fanIn = layers.last!.count
    let output = ReLUChain.Layer(
      count: 1, inputCount: fanIn, weights: (0..<fanIn).map { $0 < count ? next() : 0 }, bias: [0], biasError: [0],
      coefficientRoundings: 0, float32ExtraRoundings: 0)
    let chain = ReLUChain(inputCount: shape.inputs, hidden: layers, output: output, outputs: 0..<1)
    // The constant is chosen so that the least value on a grid is a little above 0: proving it takes splits.
    var least = Double.infinity
    for a in -32...32 {
      for b in -32...32 {
        var x = [Double](repeating: 0, count: shape.inputs)
        x[0] = Double(a) / 32
        if inputs > 1 { x[1] = Double(b) / 32 }
        least = min(least, chain.value(x)[0])
      }
    }
    let problem = VerificationCase(
      lower: (0..<shape.inputs).map { $0 < inputs ? -1 : 0 }, upper: (0..<shape.inputs).map { $0 < inputs ? 1 : 0 },
      rows: (0..<shape.rows).map { row in
        VerificationCase.Row(
          neurons: [0], coefficients: [1 + Double(row) * 0.125],
          constant: (0.0625 - least) * (1 + Double(row) * 0.125))
      }, clauses: (0..<shape.rows / 2).map { [2 * $0, 2 * $0 + 1] })
    return ChainTables(chain, problem, semantics: .real)
  }
}

extension ReLUChain {
  package init(inputCount: Int, hidden: [Layer], output: Layer, outputs: Range<Int>) {
    self.inputCount = inputCount
    self.hidden = hidden
    self.output = output
    self.outputs = outputs
  }

  /// The outputs, rounded to nearest.
  package func value(_ x: [Double]) -> [Double] {
    var h = x
    for layer in hidden { h = layer.value(h).map { max($0, 0) } }
    return output.value(h)
  }
}

extension ReLUChain.Layer {
  func value(_ h: [Double]) -> [Double] {
    (0..<count).map { j in
      (0..<inputCount).reduce(bias[j]) { $0 + weights[j * inputCount + $1] * h[$1] }
    }
  }
}

/// The list's definitions in host memory.
private final class HostRounds: PreparedList, @unchecked Sendable {
  private let list: CommandList
  private let memory: HostMemory
  private let addresses: [UnsafeMutableRawPointer]

  /// Every value of a search list owns its memory. The search is small, so the frontier keeps its place but is not
  /// touched beyond what is written.
  init(_ round: InputSearchRound, _ list: CommandList) {
    self.list = list
    addresses = list.values.map { description in
      let address = UnsafeMutableRawPointer.allocate(byteCount: max(64, description.byteCount), alignment: 64)
      // Fresh pages; only what the small tree uses is ever read.
      if description.byteCount < 1 << 20 {
        address.initializeMemory(as: UInt8.self, repeating: 0, count: description.byteCount)
      }
      return address
    }
    memory = HostMemory(list: list, addresses: addresses)
  }

  func release() { for address in addresses { address.deallocate() } }

  func write(_ bytes: UnsafeRawBufferPointer, to value: Value, offset: Int) throws(DeviceError) {
    guard let base = bytes.baseAddress else { return }
    (memory.address(value) + offset).copyMemory(from: base, byteCount: bytes.count)
  }

  func run() async throws(DeviceError) { for step in list.steps { step.reference(memory) } }

  func read(_ value: Value) throws(DeviceError) -> [UInt8] { try read(value, bytes: 0..<list[value].byteCount) }

  func read(_ value: Value, bytes: Range<Int>) throws(DeviceError) -> [UInt8] {
    Array(UnsafeRawBufferPointer(start: memory.address(value) + bytes.lowerBound, count: bytes.count))
  }
}
