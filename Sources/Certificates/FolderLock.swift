import Glibc

/// Holds a run folder for one process: a lock on `run.lock`, released with the object.
package final class FolderLock {
  private let descriptor: Int32

  package init(_ folder: String) throws(FileError) {
    let file = folder + "/run.lock"
    descriptor = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw .system("open", file) }
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
      close(descriptor)
      throw FileError("another process is working in \(folder); wait for it or choose another folder with --out")
    }
  }

  deinit { close(descriptor) }
}
