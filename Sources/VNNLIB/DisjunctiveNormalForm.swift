// Disjunctive normal form: "or" of "and" of atoms, by multiplying out, with a limit on what that may produce.

/// Conjunctions of atoms, as indices into `atoms`; the formula holds where all atoms of at least one hold.
struct DisjunctiveNormalForm {
  private(set) var atoms: [Atom] = []
  /// The number of the assertion that each atom comes from.
  private(set) var assertions: [Int] = []
  private(set) var conjunctions: [[Int]] = [[]]

  /// No more conjunctions, and no more atoms over all of them, are built than these.
  static let maximumConjunctions = 100_000
  static let maximumSize = 4_000_000

  struct TooLarge: Error {}

  /// The normal form of "all of `formulas`".
  init(_ formulas: [Formula]) throws(TooLarge) {
    for (number, formula) in formulas.enumerated() {
      conjunctions = try DisjunctiveNormalForm.product(conjunctions, expand(formula, assertion: number))
    }
  }

  private mutating func expand(_ formula: Formula, assertion: Int) throws(TooLarge) -> [[Int]] {
    switch formula {
    case .atom(let atom):
      if let truth = atom.truth { return truth ? [[]] : [] }
      atoms.append(atom)
      assertions.append(assertion)
      return [[atoms.count - 1]]
    case .all(let parts):
      var result: [[Int]] = [[]]
      for part in parts { result = try DisjunctiveNormalForm.product(result, expand(part, assertion: assertion)) }
      return result
    case .any(let parts):
      var result: [[Int]] = []
      for part in parts { result += try expand(part, assertion: assertion) }
      return result
    }
  }

  private static func product(_ left: [[Int]], _ right: [[Int]]) throws(TooLarge) -> [[Int]] {
    if left.count == 1 && left[0].isEmpty { return right }
    if right.count == 1 && left.count == 1 { return [left[0] + right[0]] }
    let (count, overflow) = left.count.multipliedReportingOverflow(by: right.count)
    let leftSize = left.reduce(0) { $0 + $1.count }
    let rightSize = right.reduce(0) { $0 + $1.count }
    guard !overflow, count <= maximumConjunctions,
      leftSize * right.count + rightSize * left.count <= maximumSize
    else { throw TooLarge() }
    var result: [[Int]] = []
    result.reserveCapacity(count)
    for first in left { for second in right { result.append(first + second) } }
    return result
  }
}
