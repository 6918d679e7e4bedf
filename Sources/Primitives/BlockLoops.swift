// How the vector loops reach float32 and bfloat16 values: whole numbers in place, 16-bit ones by way of a block of
// binary32 numbers that stays in the first-level cache.

import CSIMD
import Compute
import Tensors

/// The most numbers that a step handles at a time.
let blockLength = 2048

/// Reads and writes elements of a float32 or bfloat16 value as binary32 numbers.
struct FloatAccess {
  private let base: UnsafeMutableRawPointer
  private let isWide: Bool
  private let buffer: UnsafeMutablePointer<Float>

  /// `buffer` has room for the longest run that is asked for; float32 values do not use it.
  init(_ value: Value, _ memory: HostMemory, buffer: Numbers) {
    base = memory.address(value)
    isWide = memory.list[value].type == .float32
    self.buffer = buffer.start
  }

  /// True for the types that this can reach.
  static func covers(_ list: CommandList, _ values: Value...) -> Bool {
    values.allSatisfy { list[$0].type == .float32 || list[$0].type == .bfloat16 }
  }

  /// A run of elements as binary32 numbers; valid until the next call with the same buffer.
  @inline(__always)
  func read(_ offset: Int, _ count: Int) -> UnsafePointer<Float> {
    if isWide { return UnsafePointer(base.assumingMemoryBound(to: Float.self) + offset) }
    csimd_widen_bfloat16(base.assumingMemoryBound(to: UInt16.self) + offset, buffer, count)
    return UnsafePointer(buffer)
  }

  /// Where to write a run before `commit`.
  @inline(__always)
  func target(_ offset: Int) -> UnsafeMutablePointer<Float> {
    isWide ? base.assumingMemoryBound(to: Float.self) + offset : buffer
  }

  /// Stores what was written to `target(offset)`.
  @inline(__always)
  func commit(_ offset: Int, _ count: Int) {
    if !isWide { csimd_narrow_bfloat16(buffer, base.assumingMemoryBound(to: UInt16.self) + offset, count) }
  }
}

extension FusedActivation {
  /// The bounds of the clip that this is; nil for none.
  var clipBounds: (low: Float, high: Float)? {
    switch self {
    case .none: nil
    case .relu: (0, .infinity)
    case .clip(let low, let high): (low, high)
    }
  }
}

/// Dimensions of a strided walk, merged where the strides of all operands let neighbours run as one.
struct MergedWalk {
  /// Outermost first; at least one dimension.
  private(set) var extents: [Int] = []
  /// For each operand its strides.
  private(set) var strides: [[Int]]

  init(_ extents: [Int], _ strides: [[Int]]) {
    self.strides = strides.map { _ in [] }
    for dimension in extents.indices where extents[dimension] != 1 {
      let own = strides.map { $0[dimension] }
      let fits = !self.extents.isEmpty && zip(self.strides, own).allSatisfy { $0.last! == $1 * extents[dimension] }
      if fits {
        self.extents[self.extents.count - 1] *= extents[dimension]
        for operand in own.indices { self.strides[operand][self.extents.count - 1] = own[operand] }
      } else {
        self.extents.append(extents[dimension])
        for operand in own.indices { self.strides[operand].append(own[operand]) }
      }
    }
    if self.extents.isEmpty {
      self.extents = [1]
      self.strides = strides.map { _ in [0] }
    }
  }

  /// The extent and strides of the innermost dimension.
  var inner: (extent: Int, strides: [Int]) { (extents.last!, strides.map { $0.last! }) }

  /// Calls `body` with the places of two operands at the start of every innermost run, in order.
  @inline(__always)
  func forEachRun(_ body: (Int, Int) -> Void) {
    let outer = Array(extents.dropLast())
    var index = Array(repeating: 0, count: outer.count)
    var first = 0
    var second = 0
    while true {
      body(first, second)
      var dimension = outer.count - 1
      while dimension >= 0 {
        index[dimension] += 1
        first += strides[0][dimension]
        second += strides[1][dimension]
        if index[dimension] < outer[dimension] { break }
        first -= strides[0][dimension] * outer[dimension]
        second -= strides[1][dimension] * outer[dimension]
        index[dimension] = 0
        dimension -= 1
      }
      if dimension < 0 { return }
    }
  }
}
