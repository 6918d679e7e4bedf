import Networks

// Reading a proof's bytes. Counts in the file are never believed: memory grows only with what was really read, and what
// may be held is bounded by the file's size, so that a small file cannot unfold into gigabytes.

extension VerificationProof {
  /// The proof that the bytes hold. Any other bytes are a `FileError`, never a crash.
  package init(decoding bytes: [UInt8], memoryLimit: Int = 8 << 30) throws {
    let container = try ProofContainer(bytes)
    // Trees of real searches take 10 to 100 bytes of memory for a compressed byte.
    let budget = min(memoryLimit, 256 << 20 + bytes.count.multipliedReportingOverflow(by: 512).partialValue)
    var reader = ProofReader(InflateStream(container.body), budget: budget)
    guard container.cases >= 0, container.cases <= 1 << 24 else {
      throw FileError("it states \(container.cases) cases")
    }
    var trees: [ProofTree] = []
    for _ in 0..<container.cases { trees.append(try reader.tree()) }
    try reader.stream.finish()
    self.init(header: container.header, trees: trees)
  }
}

private struct ProofReader {
  let stream: InflateStream
  private var budget: Int

  init(_ stream: InflateStream, budget: Int) {
    self.stream = stream
    self.budget = budget
  }

  mutating func tree() throws(FileError) -> ProofTree {
    var tree = ProofTree()
    try spend(MemoryLayout<ProofTree>.stride)
    var previous: Int64 = 0
    for _ in 0..<(try unsigned()) {
      try spend(MemoryLayout<ProofTree.RootSlopes>.stride)
      previous &+= try signed()
      let flag = try stream.next()
      guard flag <= 1 else { throw FileError("a root bound is marked \(flag), neither lower nor upper") }
      tree.rootSlopes.append(.init(neuron: Int(previous), isLower: flag == 1, slopes: try slopes()))
    }
    for _ in 0..<(try unsigned()) {
      // Arrays grow by doubling.
      try spend(2 * MemoryLayout<ProofTree.Node>.stride)
      tree.nodes.append(try node())
    }
    return tree
  }

  private mutating func node() throws(FileError) -> ProofTree.Node {
    let tag = try stream.next()
    switch tag {
    case ProofTag.splitInput: return .splitInput(Int(try signed()), at: Double(bitPattern: try word()))
    case ProofTag.splitNeuron: return .splitNeuron(Int(try signed()), at: Double(bitPattern: try word()))
    case ProofTag.splitNeuronAtZero: return .splitNeuron(Int(try signed()), at: 0)
    case ProofTag.clip: return .clip
    case ProofTag.quadratic:
      var combinations: [ProofTree.Combination] = []
      for _ in 0..<(try unsigned()) {
        try spend(2 * MemoryLayout<ProofTree.Combination>.stride)
        combinations.append(.init(rows: try rows()))
      }
      return .quadratic(combinations)
    case ProofTag.clauses: return .clauses
    case ProofTag.bounds: return .bounds
    case ProofTag.neuronBounds:
      var list: [ProofTree.NeuronBound] = []
      var previous: Int64 = 0
      for _ in 0..<(try unsigned()) {
        try spend(2 * MemoryLayout<ProofTree.NeuronBound>.stride)
        previous &+= try signed()
        let flag = try stream.next()
        guard flag <= 1 else { throw FileError("a neuron's bound is marked \(flag), neither lower nor upper") }
        list.append(.init(neuron: Int(previous), isLower: flag == 1, terms: try refutation()))
      }
      return .neuronBounds(list)
    case ProofTag.leaf..<(ProofTag.leaf + 8):
      let bits = tag - ProofTag.leaf
      guard bits & 6 != 4 else { throw FileError("a leaf without refutations has joint lines") }
      var leaf = ProofTree.Leaf(recomputesBounds: bits & 1 == 1)
      if bits & 2 == 2 {
        for _ in 0..<(try unsigned()) {
          try spend(2 * MemoryLayout<ProofTree.Refutation>.stride)
          var refutation = try refutation()
          if bits & 4 == 4 { refutation.jointLines = try jointLines() }
          leaf.refutations.append(refutation)
        }
      }
      return .leaf(leaf)
    default: throw FileError("a node has the unknown tag \(tag)")
    }
  }

  private mutating func rows() throws(FileError) -> [(row: Int, weight: Float)] {
    var result: [(row: Int, weight: Float)] = []
    for _ in 0..<(try unsigned()) {
      try spend(2 * MemoryLayout<(row: Int, weight: Float)>.stride)
      result.append((row: Int(try signed()), weight: try single()))
    }
    return result
  }

  private mutating func refutation() throws(FileError) -> ProofTree.Refutation {
    var result = ProofTree.Refutation(rows: try rows())
    result.slopes = try slopes()
    result.splitMultipliers = try singles()
    result.inputMultipliers = try singles()
    return result
  }

  private mutating func jointLines() throws(FileError) -> [ProofTree.JointLine] {
    var result: [ProofTree.JointLine] = []
    for _ in 0..<(try unsigned()) {
      try spend(2 * MemoryLayout<ProofTree.JointLine>.stride)
      var line = ProofTree.JointLine(inputs: [], slopes: [], intercept: 0)
      var previous: Int64 = 0
      for _ in 0..<(try unsigned()) {
        try spend(4 * MemoryLayout<Float>.stride)
        previous &+= try signed()
        guard let input = Int32(exactly: previous) else { throw FileError("a joint line names the input \(previous)") }
        line.inputs.append(input)
      }
      for _ in line.inputs { line.slopes.append(try single()) }
      line.intercept = try single()
      result.append(line)
    }
    return result
  }

  private mutating func slopes() throws(FileError) -> [ProofTree.Slope] {
    let head = try unsigned()
    var result: [ProofTree.Slope] = []
    var previous: Int64 = 0
    for _ in 0..<(head >> 1) {
      try spend(2 * MemoryLayout<ProofTree.Slope>.stride)
      previous &+= try signed()
      guard let neuron = Int32(exactly: previous) else { throw FileError("it names the neuron \(previous)") }
      result.append(.init(neuron: neuron, lower: 0))
    }
    for index in result.indices { result[index].lower = try stream.next() }
    if head & 1 == 1 { for index in result.indices { result[index].upper = try stream.next() } }
    return result
  }

  private mutating func singles() throws(FileError) -> [Float] {
    var result: [Float] = []
    for _ in 0..<(try unsigned()) {
      try spend(2 * MemoryLayout<Float>.stride)
      result.append(try single())
    }
    return result
  }

  private mutating func spend(_ size: Int) throws(FileError) {
    budget -= size
    if budget < 0 { throw FileError("its trees take more memory than its size admits") }
  }

  private func unsigned() throws(FileError) -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = try stream.next()
      let bits = UInt64(byte & 0x7F)
      guard shift < 63 || (shift == 63 && bits <= 1) else { throw FileError("a number in it has more than 64 bits") }
      value |= bits << shift
      if byte < 0x80 { return value }
      shift += 7
    }
  }

  private func signed() throws(FileError) -> Int64 {
    let value = try unsigned()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  private func word() throws(FileError) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: 0, to: 64, by: 8) { value |= UInt64(try stream.next()) << UInt64(shift) }
    return value
  }

  private func single() throws(FileError) -> Float {
    var value: UInt32 = 0
    for shift in stride(from: 0, to: 32, by: 8) { value |= UInt32(try stream.next()) << UInt32(shift) }
    return Float(bitPattern: value)
  }
}
