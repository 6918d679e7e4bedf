// Parts on which every ReLU is split: the network is affine there, and a linear program decides (soundness.md 4.2).
//
// min t subject to phi_r(x) <= t for the clause's rows, s_i z_i(x) >= 0 for the splits, x in the box. Its multipliers
// of the rows and splits give the same bound by a backward pass, which proves it; its x is a candidate witness. Where
// the splits contradict each other, the multipliers of min t subject to s_i z_i(x) + t >= 0, t >= 0 bound the form 0
// from below by a positive number.

import Networks

/// What a linear program says about one part.
package enum LeafAnswer {
  case refuted(ProofTree.Refutation)
  case candidate([Double])
  case unknown(String)
}

package final class LeafSolver {
  private let problem: SearchProblem
  private let options: SearchOptions
  private let bounder: any ActivationSplitBounder
  /// The bounder in binary64 with the same slots; made when the first part asks.
  private var reference: ReferenceSplitBounder?

  package init(_ problem: SearchProblem, _ options: SearchOptions, _ bounder: any ActivationSplitBounder) {
    self.problem = problem
    self.options = options
    self.bounder = bounder
  }

  /// Decides a part whose slots are all split.
  package func decide(clause: Int, splits: [Split]) -> LeafAnswer {
    guard let library = ClpLibrary.shared else {
      return .unknown(
        "All ReLUs of a part are split and the solver that decides it is missing; install Clp (Debian: coinor-libclp1)."
      )
    }
    let reference: ReferenceSplitBounder
    do {
      reference = try self.reference ?? ReferenceSplitBounder(problem, options, bounds: (bounder.lower, bounder.upper))
    } catch { return .unknown("\(error)") }
    self.reference = reference
    guard reference.slots == bounder.slots else { return .unknown("Two bounders disagree about unstable neurons.") }
    let forms = AffineForms(reference, splits: splits)
    let rows = problem.verificationCase.clauses[clause]
    let seconds = ContinuousClock.now.duration(to: options.deadline) / .seconds(1)
    let item = SplitItem(row: rows.first ?? 0, splits: splits)
    guard let solution = library.solve(program(forms, reference, rows, splits), seconds: seconds) else {
      return .unknown("Clp gave no answer for a part whose ReLUs are all split.")
    }
    switch solution.status {
    case .optimal:
      let weights = rows.indices.map { Float(max(0, -solution.rowDuals[$0])) }
      let combination = zip(rows, weights).filter { $0.1 > 0 }.map { (row: $0.0, weight: rows.count == 1 ? 1 : $0.1) }
      let refutation = refutation(combination, solution.rowDuals.dropFirst(rows.count))
      if proves(refutation, item, by: reference) { return .refuted(refutation) }
      return .candidate(Array(solution.primal.prefix(problem.network.inputs.count)))
    case .infeasible:
      guard let elastic = library.solve(elasticProgram(forms, reference, splits), seconds: seconds) else { break }
      let refutation = refutation([], elastic.rowDuals[...])
      if proves(refutation, item, by: reference) { return .refuted(refutation) }
    case .other: break
    }
    return .unknown("A part whose ReLUs are all split is decided by less than the rounding errors of its bound.")
  }

  private func refutation(
    _ rows: [(row: Int, weight: Float)], _ duals: ArraySlice<Double>
  ) -> ProofTree.Refutation {
    ProofTree.Refutation(rows: rows, splitMultipliers: duals.map { Float(max(0, $0)) })
  }

  private func proves(
    _ refutation: ProofTree.Refutation, _ item: SplitItem, by reference: ReferenceSplitBounder
  ) -> Bool {
    var item = item
    item.multipliers = refutation.splitMultipliers
    let bound = reference.bound(combination: refutation.rows, of: item)
    let isStrict =
      !refutation.rows.isEmpty
      && refutation.rows.allSatisfy { problem.verificationCase.rows[$0.row].isStrict }
    return isStrict ? bound >= 0 : bound > 0
  }

  // MARK: Programs

  private func program(
    _ forms: AffineForms, _ reference: ReferenceSplitBounder, _ rows: [Int], _ splits: [Split]
  ) -> LinearProgram {
    var program = LinearProgram()
    let combined = rows.map { forms.combination(reference.form([($0, 1)])) }
    let limits = forms.limits(reference, splits)
    program.rowLower = rows.map { _ in -.infinity } + limits.map { -$0.constant }
    program.rowUpper = combined.map { -$0.constant } + limits.map { _ in .infinity }
    appendInputs(to: &program, combined.map(\.coefficients) + limits.map(\.coefficients))
    program.appendVariable(1, (-.infinity, .infinity), rows.indices.map { ($0, -1) })
    return program
  }

  private func elasticProgram(
    _ forms: AffineForms, _ reference: ReferenceSplitBounder, _ splits: [Split]
  ) -> LinearProgram {
    var program = LinearProgram()
    let limits = forms.limits(reference, splits)
    program.rowLower = limits.map { -$0.constant }
    program.rowUpper = limits.map { _ in .infinity }
    appendInputs(to: &program, limits.map(\.coefficients))
    program.appendVariable(1, (0, .infinity), limits.indices.map { ($0, 1) })
    return program
  }

  private func appendInputs(to program: inout LinearProgram, _ rows: [[Double]]) {
    let region = problem.verificationCase
    for input in problem.network.inputs {
      program.appendVariable(
        0, (region.lower[input], region.upper[input]), rows.enumerated().map { ($0.offset, $0.element[input]) })
    }
  }
}

/// All neurons as affine functions of the inputs, given the phase of every unstable ReLU; rounded to nearest.
struct AffineForms {
  typealias Form = (coefficients: [Double], constant: Double)
  private var values: [Double]
  private let width: Int

  init(_ bounder: ReferenceSplitBounder, splits: [Split]) {
    let network = bounder.network
    let inputs = network.layers[0].neurons.count
    width = inputs + 1
    values = Array(repeating: 0, count: network.count * width)
    var isActive: [Int: Bool] = [:]
    for split in splits { isActive[bounder.slotPositions[Int(split.slot)]] = split.isActive }
    let width = width
    values.withUnsafeMutableBufferPointer { values in
      for input in 0..<inputs { values[input * width + input] = 1 }
      for layer in network.layers.dropFirst() {
        for neuron in layer.neurons {
          let target = values.baseAddress! + neuron * width
          if network.operand[neuron] >= 0 {
            let source = Int(network.operand[neuron])
            if isActive[source] ?? (network.lower[source] >= 0) {
              target.update(from: values.baseAddress! + source * width, count: width)
            }
            continue
          }
          target[inputs] = network.bias[neuron]
          for run in network.runs[network.runStarts[neuron]..<network.runStarts[neuron + 1]] {
            for offset in 0..<Int(run.count) {
              let weight = network.values[run.value + offset]
              let source = values.baseAddress! + (Int(run.column) + offset) * width
              for index in 0..<width { target[index] += weight * source[index] }
            }
          }
        }
      }
    }
  }

  func form(of neuron: Int) -> Form {
    let start = neuron * width
    return (Array(values[start..<start + width - 1]), values[start + width - 1])
  }

  func combination(_ form: ReferencePass.Form) -> Form {
    var result: Form = (Array(repeating: 0, count: width - 1), form.constant)
    for (neuron, coefficient) in zip(form.neurons, form.coefficients) {
      let part = self.form(of: neuron)
      for index in result.coefficients.indices { result.coefficients[index] += coefficient * part.coefficients[index] }
      result.constant += coefficient * part.constant
    }
    return result
  }

  /// s_i z_i for every split, which is not negative on the part.
  func limits(_ bounder: ReferenceSplitBounder, _ splits: [Split]) -> [Form] {
    splits.map { split in
      let form = form(of: bounder.slotPositions[Int(split.slot)])
      return split.isActive ? form : (form.coefficients.map { -$0 }, -form.constant)
    }
  }
}

extension SplitSearchRun {
  /// Decides a part whose ReLUs are all split, or remembers why it stays open.
  func decideFixed(_ domain: SplitDomain) {
    switch leafSolver.decide(clause: Int(domain.clause), splits: domain.splits) {
    case .refuted(var refutation):
      refutation.splitMultipliers = alongPath(refutation.splitMultipliers)
      proof?.close(domain.node, refutation)
    case .candidate(let point):
      tryCandidate(point, force: true)
      gap = gap ?? "A part whose ReLUs are all split touches the forbidden outputs within rounding errors."
    case .unknown(let reason): gap = gap ?? reason
    }
  }
}
