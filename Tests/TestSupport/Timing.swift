import Glibc

/// Whether tests may hold the clock against the program: with `SURETY_TIMING` set, when they run one after the other
/// (`make test` does that after the parallel run, where any test may wait for a core).
package enum Timing {
  package static let isMeasured = getenv("SURETY_TIMING") != nil
}
