// The rule for `sat` (soundness.md 4.3): the box in exact rationals, an enclosure of the real outputs, a binary32 replay.

import Networks
import Statistics
import Synchronization
import VNNLIB

/// Decides whether candidates are witnesses. Called for many candidates, from any thread.
public final class WitnessJudge: Sendable {
  private let network: Network
  private let property: Property
  private let semantics: Semantics
  private let boxes: [PrintableBox]
  private let isExact: Bool
  private let seen = Mutex<String?>(nil)

  public init(network: Network, property: Property, semantics: Semantics) {
    self.network = network
    self.property = property
    self.semantics = semantics
    boxes = property.cases.map { PrintableBox($0) }
    isExact = ExactEvaluation.supports(network)
  }

  /// What should be known beside the verdict: a violation that holds in one arithmetic only.
  public var note: String? { seen.withLock { $0 } }

  /// The witness near a candidate input, or nil.
  ///
  /// The input becomes the nearest binary32 number inside the decimal box where one exists, else a decimal of the box.
  public func witness(at candidate: [Double], caseIndex: Int) -> ProvenWitness? {
    let region = property.cases[caseIndex]
    guard let input = boxes[caseIndex].point(near: candidate), Region.contains(input, region) else { return nil }
    let lower = input.map(\.roundedDown)
    let upper = input.map(\.roundedUp)
    let enclosure = OutputEnclosure(of: network, lower: lower, upper: upper)
    var exact: ExactEvaluation?
    for (number, clause) in region.clauses.enumerated() {
      var isReal = holds(clause, in: enclosure) { $0.isCertain }
      if !isReal, isExact, holds(clause, in: enclosure, where: { $0.isPossible }) {
        exact = exact ?? ExactEvaluation(of: network, at: input)
        isReal = clause.allSatisfy { holds($0, in: exact!) }
      }
      let isNear = isReal || holds(clause, in: enclosure, where: { $0.isPossible }) || semantics != .real
      guard isNear else { continue }
      let replay = replay(clause, at: input, lower: lower, upper: upper)
      switch semantics {
      case .real where isReal, .float32 where replay == .certain || replay == .observed,
        .both where isReal && (replay == .certain || replay == .observed):
        let witness = ProvenWitness(
          input: input,
          outputs: network.outputs.map { neuron in exact?.value(of: neuron) ?? enclosure.centre[neuron] },
          caseIndex: caseIndex, clause: number,
          isReal: isReal, binary32: replay)
        // The text must read back to the point that was proven.
        guard let read = try? WitnessText.parse(witness.text), read.inputs == input else { return nil }
        return witness
      default:
        if isReal != (replay != .fails) {
          seen.withLock {
            $0 =
              isReal
              ? "a point violates the property in real arithmetic but not in binary32"
              : "a point violates the property in binary32 but not provably in real arithmetic"
          }
        }
      }
    }
    return nil
  }

  /// Whether a point, exactly as it stands, violates the property in real arithmetic: for replaying printed witnesses.
  public func accepts(_ input: [ExactDecimal]) -> Bool {
    guard input.count == property.inputCount else { return false }
    let enclosure = OutputEnclosure(of: network, lower: input.map(\.roundedDown), upper: input.map(\.roundedUp))
    return property.cases.contains { region in
      zip(input, zip(region.lower, region.upper)).allSatisfy { $1.0 <= $0 && $0 <= $1.1 }
        && Region.contains(input, region)
        && region.clauses.contains { clause in
          if holds(clause, in: enclosure, where: { $0.isCertain }) { return true }
          guard isExact, holds(clause, in: enclosure, where: { $0.isPossible }) else { return false }
          let exact = ExactEvaluation(of: network, at: input)
          return clause.allSatisfy { holds($0, in: exact) }
        }
    }
  }

  private struct Sides {
    /// Holds for every value of the enclosure, and for some.
    var isCertain: Bool
    var isPossible: Bool
  }

  private func holds(
    _ clause: [Property.LinearConstraint], in enclosure: OutputEnclosure, where test: (Sides) -> Bool
  ) -> Bool {
    clause.allSatisfy { constraint in
      var low = 0.0
      var high = 0.0
      for term in constraint.terms {
        let neuron = neuron(of: term.variable)
        let (a, b) = (enclosure.lower(neuron), enclosure.upper(neuron))
        let coefficients = [term.coefficient.roundedDown, term.coefficient.roundedUp]
        let products = coefficients.flatMap { [$0 * a, $0 * b] }
        guard products.allSatisfy(\.isFinite) else { return test(Sides(isCertain: false, isPossible: true)) }
        low = (low + products.min()!.nextDown).nextDown
        high = (high + products.max()!.nextUp).nextUp
      }
      let (bottom, top) = (constraint.bound.roundedDown, constraint.bound.roundedUp)
      return test(
        constraint.isStrict
          ? Sides(isCertain: high < bottom, isPossible: low < top)
          : Sides(isCertain: high <= bottom, isPossible: low <= top))
    }
  }

  private func holds(_ constraint: Property.LinearConstraint, in exact: ExactEvaluation) -> Bool {
    let sign = exact.sign(
      of: constraint.terms.map { (neuron(of: $0.variable), $0.coefficient) }, minus: constraint.bound)
    return constraint.isStrict ? sign < 0 : sign <= 0
  }

  private func neuron(of variable: Property.Variable) -> Int {
    switch variable {
    case .input(let index): network.inputs.lowerBound + index
    case .output(let index): network.outputs.lowerBound + index
    }
  }

  /// How binary32 repeats a clause's violation.
  private func replay(
    _ clause: [Property.LinearConstraint], at input: [ExactDecimal], lower: [Double], upper: [Double]
  ) -> ProvenWitness.Replay {
    // The replay starts at RN(x), which a binary32 input is already.
    let rounded = zip(lower, upper).map { Double(Float($0 / 2 + $1 / 2)) }
    if network.float32Problem == nil, zip(rounded, lower).allSatisfy({ $0 == $1 }) {
      let all = OutputEnclosure(of: network, lower: rounded, upper: rounded, anyOrder: true)
      if holds(clause, in: all, where: { $0.isCertain }) { return .certain }
    }
    let outputs = network.binary32Values(rounded.map { Float($0) })
    let isObserved = clause.allSatisfy { constraint in
      // The constraint itself is evaluated exactly on the binary32 outputs.
      var sum = ExactDecimal(0) - constraint.bound
      for term in constraint.terms {
        guard let value = ExactDecimal(exactly: Double(outputs[neuron(of: term.variable)])) else { return false }
        sum = sum + term.coefficient * value
      }
      return constraint.isStrict ? sum.isNegative : sum.isNegative || sum.isZero
    }
    return isObserved ? .observed : .fails
  }
}

extension Network {
  /// The values of all neurons in binary32, each affine sum from left to right.
  func binary32Values(_ input: [Float]) -> [Float] {
    var values = input
    values.reserveCapacity(neuronCount)
    for layer in layers.dropFirst() {
      switch layer.relation {
      case .input: break
      case .affine(let affine):
        for row in 0..<layer.count {
          var sum: Float = 0
          for entry in affine.rows.entries(ofRow: row) {
            sum += Float(affine.rows.values[entry]) * values[Int(affine.rows.columns[entry])]
          }
          values.append(sum + Float(affine.bias[row]))
        }
      case .function(let function, let of):
        for neuron in layers[of].neurons { values.append(Float(function(Double(values[neuron])))) }
      case .product(let left, let right):
        for (a, b) in zip(layers[left].neurons, layers[right].neurons) { values.append(values[a] * values[b]) }
      }
    }
    return values
  }
}
