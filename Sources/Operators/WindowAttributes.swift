// The attributes that convolution and pooling share, and what they mean for an image of given size.

import Graphs
import Primitives

/// kernel_shape, strides, dilations, pads, auto_pad and ceil_mode of a window over one or two spatial dimensions.
struct WindowAttributes: Sendable {
  enum Padding: Sendable { case explicit, sameUpper, sameLower, valid }

  var kernel: [Int]?
  var strides: [Int]?
  var dilations: [Int]?
  var pads: [Int]?
  var padding: Padding
  var roundsUp = false

  init(_ attributes: OperatorAttributes) throws {
    kernel = try attributes.integers("kernel_shape")
    strides = try attributes.integers("strides")
    dilations = try attributes.integers("dilations")
    pads = try attributes.integers("pads")
    switch try attributes.string("auto_pad") ?? "NOTSET" {
    case "NOTSET": padding = .explicit
    case "SAME_UPPER": padding = .sameUpper
    case "SAME_LOWER": padding = .sameLower
    case "VALID": padding = .valid
    case let other: throw OperatorError("attribute auto_pad has the unknown value \(other)")
    }
    if padding != .explicit, let pads, pads.contains(where: { $0 != 0 }) {
      throw OperatorError("it has both auto_pad and pads; only one may be given")
    }
    for (name, list) in [("kernel_shape", kernel), ("strides", strides), ("dilations", dilations)] {
      if let list, list.contains(where: { $0 < 1 || $0 > 1 << 20 }) {
        throw OperatorError("attribute \(name) is \(list), but must be positive")
      }
    }
    if let pads, pads.contains(where: { $0 < 0 || $0 > 1 << 20 }) {
      throw OperatorError("attribute pads is \(pads); negative padding is not supported here")
    }
  }

  /// Checks that there is a number for each of `rank` spatial dimensions.
  func check(rank: Int) throws {
    guard rank == 1 || rank == 2 else {
      throw OperatorError("windows over \(rank) spatial dimensions are not supported, only over 1 or 2")
    }
    for (name, list, count) in [
      ("kernel_shape", kernel, rank), ("strides", strides, rank), ("dilations", dilations, rank),
      ("pads", pads, 2 * rank),
    ] {
      if let list, list.count != count { throw OperatorError("attribute \(name) must have \(count) numbers") }
    }
  }

  /// The window for an image of spatial extents `image`, and the extents that it produces; both always with two
  /// dimensions, the first of them 1 for signals.
  func window(kernel: [Int], image: [Int]) throws -> (window: Window, output: [Int]) {
    let rank = image.count
    try check(rank: rank)
    guard kernel.count == rank, kernel.allSatisfy({ $0 > 0 }) else {
      throw OperatorError("the kernel \(kernel) does not fit the image \(image)")
    }
    var before = [0, 0]
    var after = [0, 0]
    var output = [1, 1]
    let k = two(kernel)
    let size = two(image)
    let stride = two(strides)
    let dilation = two(dilations)
    for axis in 0..<2 {
      let span = dilation[axis] * (k[axis] - 1) + 1
      switch padding {
      case .explicit:
        if let pads, axis >= 2 - rank {
          before[axis] = pads[axis - (2 - rank)]
          after[axis] = pads[axis - (2 - rank) + rank]
        }
      case .valid: break
      case .sameUpper, .sameLower:
        let wanted = (size[axis] + stride[axis] - 1) / stride[axis]
        let total = max((wanted - 1) * stride[axis] + span - size[axis], 0)
        before[axis] = padding == .sameUpper ? total / 2 : total - total / 2
        after[axis] = total - before[axis]
      }
      let room = size[axis] + before[axis] + after[axis] - span
      guard room >= 0 else {
        throw OperatorError("the kernel \(kernel) is larger than the padded image \(image)")
      }
      output[axis] = (roundsUp ? room + stride[axis] - 1 : room) / stride[axis] + 1
      // A window that would start beyond the image and its leading padding does not count.
      if roundsUp, (output[axis] - 1) * stride[axis] >= size[axis] + before[axis] { output[axis] -= 1 }
    }
    let window = Window(
      rows: k[0], columns: k[1], strideRows: stride[0], strideColumns: stride[1], dilationRows: dilation[0],
      dilationColumns: dilation[1], top: before[0], left: before[1], bottom: after[0], right: after[1])
    return (window, output)
  }

  private func two(_ list: [Int]?) -> [Int] {
    guard let list else { return [1, 1] }
    return list.count == 1 ? [1] + list : list
  }
}

/// Spatial extents with two dimensions: [L] becomes [1, L].
func planeExtents(_ shape: [Int]) -> [Int] { shape.count == 3 ? [1, shape[2]] : Array(shape[2...]) }
