import Certificates
import Glibc
import Reports
import Smoothing
import Synchronization

/// Shows how far a run is: a bar that redraws itself on a terminal, a plain line a minute elsewhere.
final class ProgressDisplay: Sendable {
  private let text: @Sendable (_ barWidth: Int) -> String
  private let stopped = Atomic(false)

  /// - Parameter text: the line as it stands now, with a bar of that width; 0: without a bar.
  init(_ text: @escaping @Sendable (_ barWidth: Int) -> String) {
    self.text = text
    Task.detached { [self] in
      var sinceLine = ContinuousClock.now
      while !stopped.load(ordering: .relaxed) {
        try? await Task.sleep(for: .milliseconds(250))
        if stopped.load(ordering: .relaxed) { return }
        if Terminal.isInteractive {
          Terminal.bar(text(24))
        } else if ContinuousClock.now - sinceLine > .seconds(60) {
          sinceLine = .now
          Terminal.message(text(0))
        }
      }
    }
  }

  /// Shows a smoothing run.
  convenience init(_ counter: ProgressCounter) {
    let started = ContinuousClock.now
    self.init { width in
      let now = counter.snapshot
      let seconds = max(0.001, (ContinuousClock.now - started).seconds)
      let share = Double(now.finished) / Double(max(1, now.total))
      var text = Self.bar(share: share, width: width)
      text += "\(now.finished)/\(now.total) inputs, \(now.certified) certified, "
      text += "\(NumberText.grouped(now.passes)) passes, "
      text += "\(NumberText.decimal(Double(now.passes) / seconds, places: 0))/s"
      if now.finished > 0, now.finished < now.total {
        text += ", about \(NumberText.duration(seconds / share - seconds)) left"
      }
      return text
    }
  }

  func stop() {
    if !stopped.exchange(true, ordering: .relaxed) { Terminal.clearBar() }
  }

  /// "[####----] ", or nothing for a width of 0.
  static func bar(share: Double, width: Int) -> String {
    guard width > 0 else { return "" }
    let filled = Int(min(1, max(0, share)) * Double(width))
    return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: width - filled) + "] "
  }
}

extension Duration {
  /// The duration in seconds.
  var seconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}

/// Gathers certificates as they are written, from any thread.
final class CertificateCollector: Sendable {
  private let state: Mutex<[SmoothingCertificate]>

  init(_ certificates: [SmoothingCertificate]) { state = Mutex(certificates) }

  func append(_ certificate: SmoothingCertificate) { state.withLock { $0.append(certificate) } }

  var certificates: [SmoothingCertificate] { state.withLock { $0 } }
}

/// Gathers predictions as they are made, from any thread.
final class ResultCollector: Sendable {
  private let state = Mutex<[PredictionResult]>([])

  func append(_ result: PredictionResult) { state.withLock { $0.append(result) } }

  var results: [PredictionResult] { state.withLock { $0 } }
}
