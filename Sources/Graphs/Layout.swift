// Where the elements of a value stand in memory, so that transposes, flattening and channels-last images cost nothing.

/// The memory order of a value: for each logical axis, the factors its index splits into, outermost first, and the
/// distance in elements that each factor moves. All factors together fill the memory densely, without gaps.
///
/// A row-major [2, 3] is [(2,3)] [(3,1)]. An image [N, C, H, W] kept channels-last is [(N,HWC)] [(C,1)] [(H,WC)] [(W,C)],
/// and flattened to [N, CHW] it is [(N,HWC)] [(C,1) (H,WC) (W,C)]: still the same memory.
/// Factors of extent 1 are dropped and neighbours that continue each other are merged, so equal orders compare equal.
public struct Layout: Sendable, Hashable {
  public struct Factor: Sendable, Hashable {
    public var extent: Int
    public var stride: Int

    public init(_ extent: Int, _ stride: Int) {
      self.extent = extent
      self.stride = stride
    }
  }

  public let axes: [[Factor]]

  public init(_ axes: [[Factor]]) {
    self.axes = axes.map { factors in
      var merged: [Factor] = []
      for factor in factors where factor.extent != 1 {
        if let last = merged.last, last.stride == factor.stride * factor.extent {
          merged[merged.count - 1] = Factor(last.extent * factor.extent, factor.stride)
        } else {
          merged.append(factor)
        }
      }
      return merged
    }
  }

  /// Row-major order.
  public static func dense(_ shape: [Int]) -> Layout {
    Layout(zip(shape, rowMajorStrides(shape)).map { [Factor($0, $1)] })
  }

  /// Dense with the axes in another order: `order` lists the logical axes from the outermost in memory to the innermost.
  public static func ordered(_ shape: [Int], _ order: [Int]) -> Layout {
    let strides = rowMajorStrides(order.map { shape[$0] })
    var axes = [[Factor]](repeating: [], count: shape.count)
    for (position, axis) in order.enumerated() { axes[axis] = [Factor(shape[axis], strides[position])] }
    return Layout(axes)
  }

  /// Channels innermost: [N, C, ...] kept as [N, ..., C].
  public static func channelsLast(_ shape: [Int]) -> Layout {
    ordered(shape, [0] + Array(2..<shape.count) + [1])
  }

  /// The extents of the logical axes.
  public var shape: [Int] { axes.map { $0.reduce(1) { $0 * $1.extent } } }

  /// The layout after the axes are rearranged: axis i of the result is axis permutation[i] of this one.
  public func transposed(_ permutation: [Int]) -> Layout { Layout(permutation.map { axes[$0] }) }

  /// The same memory read in row-major logical order as `shape`; nil if a factor would have to be split unevenly.
  public func reshaped(_ shape: [Int]) -> Layout? {
    if shape.contains(0) { return nil }
    var factors = axes.flatMap { $0 }
    var result = [[Factor]](repeating: [], count: shape.count)
    for axis in shape.indices.reversed() {
      var need = shape[axis]
      var taken: [Factor] = []
      while need > 1 {
        guard let inner = factors.popLast() else { return nil }
        if inner.extent <= need {
          guard need.isMultiple(of: inner.extent) else { return nil }
          taken.append(inner)
          need /= inner.extent
        } else {
          guard inner.extent.isMultiple(of: need) else { return nil }
          taken.append(Factor(need, inner.stride))
          factors.append(Factor(inner.extent / need, inner.stride * need))
          need = 1
        }
      }
      result[axis] = taken.reversed()
    }
    return Layout(result)
  }

  /// The memory index of every element in row-major logical order.
  public func indices() -> [Int] {
    let factors = axes.flatMap { $0 }
    return stridedIndices(factors.map(\.extent), factors.map(\.stride))
  }

  /// Splits the factors of one axis in several layouts into common loops; nil if they interleave.
  /// Strides are listed in the order of `lists`; every list must have the same total extent.
  static func loops(_ lists: [[Factor]]) -> [Loop]? {
    var lists = lists
    var result: [Loop] = []
    while let extent = lists.compactMap(\.last?.extent).min() {
      var strides: [Int] = []
      for index in lists.indices {
        guard let factor = lists[index].popLast(), factor.extent.isMultiple(of: extent) else { return nil }
        strides.append(factor.stride)
        if factor.extent > extent {
          lists[index].append(Factor(factor.extent / extent, factor.stride * extent))
        }
      }
      result.append(Loop(extent: extent, strides: strides))
    }
    return result.reversed()
  }

  /// Loops from the outermost in the memory of the first layout to the innermost, merged where all continue.
  static func ordered(_ loops: [Loop]) -> [Loop] {
    var result: [Loop] = []
    for loop in loops.sorted(by: { $0.strides[0] > $1.strides[0] }) where loop.extent > 1 {
      if let last = result.last, zip(last.strides, loop.strides).allSatisfy({ $0 == $1 * loop.extent }) {
        result[result.count - 1] = Loop(extent: last.extent * loop.extent, strides: loop.strides)
      } else {
        result.append(loop)
      }
    }
    return result.isEmpty ? [Loop(extent: 1, strides: loops.first?.strides ?? [])] : result
  }

  /// One loop of a step that walks through several values, with its stride in each.
  struct Loop: Equatable {
    var extent: Int
    var strides: [Int]
  }

  /// The memory as [outer, length, inner] with the given axes forming the middle, in whatever order they have there;
  /// nil if they are not one block.
  func block(_ chosen: Set<Int>) -> (outer: Int, length: Int, inner: Int)? {
    let length = chosen.reduce(1) { $0 * axes[$1].reduce(1) { $0 * $1.extent } }
    let inside = chosen.flatMap { axes[$0] }
    guard let inner = inside.map(\.stride).min() else { return (shape.reduce(1, *), 1, 1) }
    guard inside.allSatisfy({ $0.stride >= inner && $0.stride * $0.extent <= inner * length }) else { return nil }
    return (shape.reduce(1, *) / length / inner, length, inner)
  }

  /// The layout that stays when the given axes, one block of memory, shrink to extent 1.
  func collapsing(_ chosen: Set<Int>, block: (outer: Int, length: Int, inner: Int)) -> Layout {
    Layout(
      axes.indices.map { axis in
        if chosen.contains(axis) { return [] }
        return axes[axis].map {
          Factor($0.extent, $0.stride >= block.inner * block.length ? $0.stride / block.length : $0.stride)
        }
      })
  }
}
