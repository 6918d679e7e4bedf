// The open domains of a search: a stack in memory whose lower part moves to a temporary file beyond a cap.

import Glibc

/// Last in, first out; bounded memory. The file has no name, so that it vanishes with the process.
package final class SplitFrontier {
  private var stack: [SplitDomain] = []
  private var size = 0
  private let capacity: Int
  private var file: Int32 = -1
  /// Where each block of spilled domains lies, how many it holds and their least bound.
  private var blocks: [(offset: Int, length: Int, count: Int, bound: Double)] = []

  private let folder: String

  /// `capacity` in bytes; beyond it a file in `folder` takes the rest.
  package init(capacity: Int, folder: String = "/tmp") {
    self.capacity = max(capacity, 1 << 12)
    self.folder = folder
  }

  deinit { if file >= 0 { close(file) } }

  package var count: Int { stack.count + blocks.reduce(0) { $0 + $1.count } }
  package var isEmpty: Bool { stack.isEmpty && blocks.isEmpty }
  package var spilledCount: Int { blocks.reduce(0) { $0 + $1.count } }

  /// The least bound of an open domain; infinity without any.
  package var leastBound: Double {
    min(stack.reduce(.infinity) { min($0, $1.bound) }, blocks.reduce(.infinity) { min($0, $1.bound) })
  }

  /// Adds domains; the last one is the first to be taken.
  package func push(_ domains: [SplitDomain]) throws(SpillError) {
    for domain in domains { size += domain.size }
    stack += domains
    if size > capacity { try spill() }
  }

  package func pop(_ most: Int) throws(SpillError) -> [SplitDomain] {
    if stack.isEmpty, !blocks.isEmpty { try restore() }
    let taken = Array(stack.suffix(most).reversed())
    stack.removeLast(taken.count)
    for domain in taken { size -= domain.size }
    return taken
  }

  private func spill() throws(SpillError) {
    if file < 0 { file = try openUnnamed() }
    let count = stack.count / 2
    guard count > 0 else { return }
    var bytes: [UInt8] = []
    var bound = Double.infinity
    for domain in stack[..<count] {
      domain.write(to: &bytes)
      bound = min(bound, domain.bound)
      size -= domain.size
    }
    stack.removeFirst(count)
    let offset = blocks.last.map { $0.offset + $0.length } ?? 0
    var done = 0
    while done < bytes.count {
      let written = bytes.withUnsafeBytes {
        pwrite(file, $0.baseAddress! + done, bytes.count - done, off_t(offset + done))
      }
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { throw SpillError(code: errno) }
      done += written
    }
    blocks.append((offset, bytes.count, count, bound))
  }

  private func restore() throws(SpillError) {
    let block = blocks.removeLast()
    var bytes = [UInt8](repeating: 0, count: block.length)
    var done = 0
    while done < block.length {
      let got = bytes.withUnsafeMutableBytes {
        pread(file, $0.baseAddress! + done, block.length - done, off_t(block.offset + done))
      }
      if got < 0, errno == EINTR { continue }
      guard got > 0 else { throw SpillError(code: got < 0 ? errno : EIO) }
      done += got
    }
    bytes.withUnsafeBytes { buffer in
      var place = 0
      for _ in 0..<block.count {
        let domain = SplitDomain(from: buffer, at: &place)
        size += domain.size
        stack.append(domain)
      }
    }
  }

  private func openUnnamed() throws(SpillError) -> Int32 {
    var template = Array((folder + "/surety-frontier-XXXXXX").utf8CString)
    let file = mkstemp(&template)
    guard file >= 0 else { throw SpillError(code: errno) }
    unlink(template)
    return file
  }
}

/// Open subproblems could not be moved to a temporary file or read back.
package struct SpillError: Error, CustomStringConvertible {
  package var code: Int32

  package var description: String {
    "The open subproblems do not fit into the memory cap and the temporary folder cannot hold them "
      + "(\(String(cString: strerror(code)))); free space there or raise the cap."
  }
}
