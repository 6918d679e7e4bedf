import Certificates
import Networks
import Synchronization

/// Checks many proofs about one network and property, such as forgeries of one proof: the root of a case is bounded once
/// for equal root slopes.
///
/// Guarantee: each verdict is that of `ProofChecker.check`. Network and property cannot change, and the root's bounds
/// depend on nothing else but the case, the semantics and the root slopes, all of which are compared, not hashed.
package struct RepeatedChecker: Sendable {
  private let checker: ProofChecker
  private let memory = RootMemory()

  package init(_ checker: ProofChecker) { self.checker = checker }

  package func check(_ proof: VerificationProof, options: ProofChecker.Options) -> ProofChecker.Verdict {
    checker.check(proof, options: options, memory: memory, progress: { _ in })
  }
}

/// The last case whose root was bounded.
final class RootMemory: Sendable {
  private struct Entry {
    var index: Int
    var semantics: Semantics
    var slopes: [ProofTree.RootSlopes]
    var network: CheckedNetwork
  }

  private let last = Mutex<Entry?>(nil)

  func network(ofCase index: Int, _ semantics: Semantics, _ tree: ProofTree) -> CheckedNetwork? {
    last.withLock {
      guard let entry = $0, entry.index == index, entry.semantics == semantics, entry.slopes == tree.rootSlopes else {
        return nil
      }
      return entry.network
    }
  }

  /// Keeps a network whose root was bounded to the end.
  func keep(_ network: CheckedNetwork, ofCase index: Int, _ semantics: Semantics, _ tree: ProofTree) {
    last.withLock { $0 = Entry(index: index, semantics: semantics, slopes: tree.rootSlopes, network: network) }
  }
}
