import Certificates
import Synchronization

/// How far a run is, for whoever draws the progress; may be read from any thread.
package final class ProgressCounter: Sendable {
  package struct Snapshot: Sendable {
    /// Inputs that this start has to do.
    package var total: Int
    package var finished = 0
    package var certified = 0
    package var unreadable = 0
    /// Forward passes of this start.
    package var passes = 0
    /// Passes taken over from an earlier start.
    package var restored = 0
  }

  private let state: Mutex<Snapshot>
  private let onWritten: (@Sendable (SmoothingCertificate) -> Void)?

  /// - Parameter onWritten: called with every certificate after it is on the disk, in order.
  package init(total: Int, onWritten: (@Sendable (SmoothingCertificate) -> Void)? = nil) {
    state = Mutex(Snapshot(total: total))
    self.onWritten = onWritten
  }

  package var snapshot: Snapshot { state.withLock { $0 } }

  package func add(passes: Int) { state.withLock { $0.passes += passes } }

  func add(restored: Int) { state.withLock { $0.restored += restored } }

  func add(finished certificate: SmoothingCertificate) {
    state.withLock {
      $0.finished += 1
      if certificate.decision == .certified { $0.certified += 1 }
      if certificate.decision == .unreadable { $0.unreadable += 1 }
    }
  }

  func add(written certificate: SmoothingCertificate) { onWritten?(certificate) }
}
