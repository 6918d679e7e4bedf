import Glibc

/// A file operation that failed, as a sentence.
package struct FileError: Error, CustomStringConvertible, Sendable {
  package let description: String

  package init(_ description: String) { self.description = description }

  /// Names the operation, the path and the system's reason; a full disk says what to do.
  static func system(_ operation: String, _ path: String) -> FileError {
    let code = errno
    let reason = String(cString: strerror(code))
    let advice =
      switch code {
      case ENOSPC, EDQUOT: "; nothing written so far is lost: free some space and run the same command again"
      case EFBIG: "; nothing written so far is lost: raise the limit on file sizes and run the same command again"
      default: ""
      }
    return FileError("cannot \(operation) \(path): \(reason)\(advice)")
  }
}

/// Files whose bytes survive a power cut once a call has returned.
package enum DurableFile {
  /// The bytes of a file, or nil if there is none.
  package static func read(_ path: String) throws(FileError) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 {
      if errno == ENOENT { return nil }
      throw .system("open", path)
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .system("read", path) }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress! + done, $0.count - done) }
      if count < 0 && errno == EINTR { continue }
      if count < 0 { throw .system("read", path) }
      if count == 0 { break }
      done += count
    }
    return Array(bytes[..<done])
  }

  /// Whether a file of this name can be read.
  package static func exists(_ path: String) -> Bool { access(path, R_OK) == 0 }

  /// Replaces a file's contents: a reader sees the old bytes or the new ones, never a mixture.
  package static func replace(_ path: String, with bytes: [UInt8]) throws(FileError) {
    let temporary = path + ".new"
    let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .system("create", temporary) }
    do throws(FileError) {
      try writeAll(bytes, to: descriptor, temporary)
      guard fsync(descriptor) == 0 else { throw .system("write", temporary) }
    } catch {
      close(descriptor)
      unlink(temporary)
      throw error
    }
    close(descriptor)
    guard rename(temporary, path) == 0 else { throw .system("replace", path) }
    try syncFolder(of: path)
  }

  /// Removes a file if it is there.
  package static func remove(_ path: String) throws(FileError) {
    guard unlink(path) == 0 || errno == ENOENT else { throw .system("remove", path) }
  }

  /// Makes a folder and those above it; new ones survive a power cut like the files in them.
  package static func makeFolder(_ path: String) throws(FileError) {
    var partial = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
      partial += "/" + part
      if mkdir(partial, 0o755) == 0 {
        try syncFolder(of: partial)
      } else if errno != EEXIST {
        throw .system("make the folder", partial)
      }
    }
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
      throw FileError("cannot use \(path): it is no folder")
    }
  }

  static func writeAll(_ bytes: [UInt8], to descriptor: Int32, _ path: String) throws(FileError) {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress! + done, $0.count - done) }
      if count < 0 && errno == EINTR { continue }
      if count < 0 { throw .system("write", path) }
      done += count
    }
  }

  private static func syncFolder(of path: String) throws(FileError) {
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    let descriptor = open(folder.isEmpty ? "/" : folder, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}

/// A text file that only grows; each appended line is on the disk when `append` returns.
package final class AppendOnlyFile {
  private let descriptor: Int32
  private let path: String
  private var length: Int

  /// Opens the file and cuts it to its first `keeping` bytes (a torn last line goes).
  package init(_ path: String, keeping length: Int) throws(FileError) {
    self.path = path
    self.length = length
    descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .system("open", path) }
    guard ftruncate(descriptor, length) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
      throw .system("write", path)
    }
  }

  /// Appends a line and syncs it. If that fails the file is cut back to what it held before.
  package func append(_ line: String) throws(FileError) {
    let bytes = Array((line + "\n").utf8)
    do throws(FileError) {
      try DurableFile.writeAll(bytes, to: descriptor, path)
      guard fdatasync(descriptor) == 0 else { throw .system("write", path) }
    } catch {
      ftruncate(descriptor, length)
      lseek(descriptor, 0, SEEK_END)
      throw error
    }
    length += bytes.count
  }

  deinit { close(descriptor) }
}
