// Pooling by vector loops over the channels of one output pixel.

import CSIMD
import Compute
import Tensors

extension Pool {
  public func optimized(_ context: CPUContext) throws -> CPUStep? {
    let list = context.list
    if list[input].type == .uint8 { return levelMaxima(list, least: UInt8.min, csimd_maximum_uint8_into) }
    if list[input].type == .int8 { return levelMaxima(list, least: Int8.min, csimd_maximum_int8_into) }
    guard FloatAccess.covers(list, input, output) else { return nil }
    let shape = list[output].shape
    let (height, width, channels) = (list[input].shape[1], list[input].shape[2], list[input].shape[3])
    let (rows, columns) = spans(list)
    if kind == .maximum && window.dilationColumns == 1 {
      return maximumOfRows(list, rows.inside, columns.inside)
    }
    let inBuffer = Numbers(count: channels)
    let outBuffer = Numbers(count: channels)
    return { memory in
      let source = FloatAccess(input, memory, buffer: inBuffer)
      let target = FloatAccess(output, memory, buffer: outBuffer)
      for n in 0..<shape[0] {
        for y in 0..<shape[1] {
          for x in 0..<shape[2] {
            let place = ((n * shape[1] + y) * shape[2] + x) * channels
            let result = target.target(place)
            result.update(repeating: kind == .maximum ? -.infinity : 0, count: channels)
            for row in rows.inside[y] {
              for column in columns.inside[x] {
                let numbers = source.read(((n * height + row) * width + column) * channels, channels)
                if kind == .maximum {
                  csimd_maximum_into(result, numbers, channels)
                } else {
                  csimd_add_into(result, numbers, channels)
                }
              }
            }
            if kind == .average {
              var divisor =
                countIncludePadding
                ? Float(rows.padded[y] * columns.padded[x]) : Float(rows.inside[y].count * columns.inside[x].count)
              csimd_binary(CSIMD_DIVIDE, result, 1, &divisor, 0, result, channels)
            }
            target.commit(place, channels)
          }
        }
      }
    }
  }

  /// The maximum over 8-bit levels: `larger` takes the larger of two runs into the first.
  private func levelMaxima<Level: BitwiseCopyable>(
    _ list: CommandList, least: Level,
    _ larger: @escaping (UnsafeMutablePointer<Level>?, UnsafePointer<Level>?, Int) -> Void
  ) -> CPUStep {
    let shape = list[output].shape
    let (height, width, channels) = (list[input].shape[1], list[input].shape[2], list[input].shape[3])
    let (rows, columns) = spans(list)
    return { memory in
      let source = memory.elements(input, as: Level.self).baseAddress!
      let target = memory.elements(output, as: Level.self).baseAddress!
      for n in 0..<shape[0] {
        for y in 0..<shape[1] {
          for x in 0..<shape[2] {
            let result = target + ((n * shape[1] + y) * shape[2] + x) * channels
            result.update(repeating: least, count: channels)
            for row in rows.inside[y] {
              for column in columns.inside[x] {
                larger(result, source + ((n * height + row) * width + column) * channels, channels)
              }
            }
          }
        }
      }
    }
  }

  /// Maxima of whole rows first, then of the columns in each window.
  private func maximumOfRows(_ list: CommandList, _ rows: [[Int]], _ columns: [[Int]]) -> CPUStep {
    let shape = list[output].shape
    let (height, width, channels) = (list[input].shape[1], list[input].shape[2], list[input].shape[3])
    let first = columns.map { Int32($0[0]) }
    let count = columns.map { Int32($0.count) }
    let length = width * channels
    let highest = Numbers(count: length)
    let inBuffer = Numbers(count: length)
    let outBuffer = Numbers(count: shape[2] * channels)
    return { memory in
      let source = FloatAccess(input, memory, buffer: inBuffer)
      let target = FloatAccess(output, memory, buffer: outBuffer)
      for n in 0..<shape[0] {
        for y in 0..<shape[1] {
          highest.start.update(from: source.read((n * height + rows[y][0]) * length, length), count: length)
          for row in rows[y].dropFirst() {
            csimd_maximum_into(highest.start, source.read((n * height + row) * length, length), length)
          }
          let place = (n * shape[1] + y) * shape[2] * channels
          csimd_maximum_windows(highest.start, target.target(place), channels, shape[2], first, count)
          target.commit(place, shape[2] * channels)
        }
      }
    }
  }

  private func spans(_ list: CommandList) -> (rows: Spans, columns: Spans) {
    let (image, result) = (list[input].shape, list[output].shape)
    return (
      Spans(result[1], image[1], window.rows, window.strideRows, window.dilationRows, window.top, window.bottom),
      Spans(
        result[2], image[2], window.columns, window.strideColumns, window.dilationColumns, window.left, window.right)
    )
  }

  /// The image rows (or columns) of each output's window, and the number of its places inside the padded image.
  private struct Spans {
    let inside: [[Int]]
    let padded: [Int]

    init(_ outputs: Int, _ extent: Int, _ size: Int, _ step: Int, _ dilation: Int, _ before: Int, _ after: Int) {
      let places = (0..<outputs).map { output in (0..<size).map { output * step + $0 * dilation - before } }
      inside = places.map { $0.filter { (0..<extent).contains($0) } }
      padded = places.map { $0.count { $0 < extent + after } }
    }
  }
}
