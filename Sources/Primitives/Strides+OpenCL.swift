// Boxes of strided elements with as few dimensions as possible, so that kernels divide seldom and runs are long.

/// Extents with the strides of one or more operands, outermost first.
struct StridedBox {
  var extents: [Int]
  /// One list of strides per operand.
  var strides: [[Int]]

  /// Drops dimensions of extent 1 and joins neighbours that every operand walks as one; at least one dimension is left.
  init(extents: [Int], strides: [[Int]]) {
    var joined: [Int] = []
    var joinedStrides = strides.map { _ in [Int]() }
    for dimension in extents.indices where extents[dimension] != 1 {
      let fits =
        !joined.isEmpty
        && strides.indices.allSatisfy {
          joinedStrides[$0].last == strides[$0][dimension] * extents[dimension]
        }
      if fits {
        joined[joined.count - 1] *= extents[dimension]
        for operand in strides.indices {
          joinedStrides[operand][joined.count - 1] = strides[operand][dimension]
        }
      } else {
        joined.append(extents[dimension])
        for operand in strides.indices { joinedStrides[operand].append(strides[operand][dimension]) }
      }
    }
    if joined.isEmpty {
      joined = [1]
      joinedStrides = strides.map { _ in [1] }
    }
    self.extents = joined
    self.strides = joinedStrides
  }

  /// Numbers for the kernels: extents, then each operand's strides, six of each.
  func geometry(_ tail: [Int] = []) -> [Int] {
    ([extents] + strides).flatMap { $0 + Array(repeating: 1, count: 6 - $0.count) } + tail
  }

  /// The items of a kernel that takes runs of the last dimension: the run and the global size.
  func rows(run wanted: Int = 4096) -> (run: Int, size: [Int]) {
    let last = extents[extents.count - 1]
    let run = min(last, wanted)
    return (run, [quotient(last, run), extents.dropLast().reduce(1, *)])
  }
}
