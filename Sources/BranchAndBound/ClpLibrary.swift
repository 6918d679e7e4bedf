// Clp, the linear programming solver of COIN-OR, by its C interface; found at run time, so that nothing needs it to
// start. What it says is a proposal: bounds are proven again, points are evaluated again.

import Glibc

/// min c.x subject to row limits and variable limits, by columns.
struct LinearProgram {
  /// Row entries by variable: column k has the entries starts[k]..<starts[k + 1].
  var starts: [Int32] = [0]
  var rows: [Int32] = []
  var values: [Double] = []
  var objective: [Double] = []
  var lower: [Double] = []
  var upper: [Double] = []
  var rowLower: [Double] = []
  var rowUpper: [Double] = []

  mutating func appendVariable(_ cost: Double, _ limits: (Double, Double), _ entries: [(row: Int, value: Double)]) {
    for (row, value) in entries where value != 0 {
      rows.append(Int32(row))
      values.append(value)
    }
    starts.append(Int32(rows.count))
    objective.append(cost)
    lower.append(limits.0)
    upper.append(limits.1)
  }
}

/// The shared library with the functions that are used.
final class ClpLibrary: Sendable {
  enum Status: Sendable { case optimal, infeasible, other }

  struct Solution {
    var status: Status
    var primal: [Double]
    /// The derivative of the optimum with respect to each row's limit.
    var rowDuals: [Double]
  }

  /// nil where the library is not installed.
  static let shared = ClpLibrary()

  private typealias Model = UnsafeMutableRawPointer
  private typealias Load =
    @convention(c) (
      Model, Int32, Int32, UnsafePointer<Int32>, UnsafePointer<Int32>, UnsafePointer<Double>, UnsafePointer<Double>,
      UnsafePointer<Double>, UnsafePointer<Double>, UnsafePointer<Double>, UnsafePointer<Double>
    ) -> Void
  private let newModel: @convention(c) () -> Model?
  private let deleteModel: @convention(c) (Model) -> Void
  private let setLogLevel: @convention(c) (Model, Int32) -> Void
  private let setMaximumSeconds: @convention(c) (Model, Double) -> Void
  private let loadProblem: Load
  private let dual: @convention(c) (Model, Int32) -> Int32
  private let status: @convention(c) (Model) -> Int32
  private let primalSolution: @convention(c) (Model) -> UnsafePointer<Double>?
  private let dualSolution: @convention(c) (Model) -> UnsafePointer<Double>?

  private init?() {
    guard let library = dlopen("libClp.so.1", RTLD_NOW | RTLD_LOCAL) else { return nil }
    guard
      let newModel = dlsym(library, "Clp_newModel"), let deleteModel = dlsym(library, "Clp_deleteModel"),
      let setLogLevel = dlsym(library, "Clp_setLogLevel"),
      let setMaximumSeconds = dlsym(library, "Clp_setMaximumSeconds"),
      let loadProblem = dlsym(library, "Clp_loadProblem"), let dual = dlsym(library, "Clp_dual"),
      let status = dlsym(library, "Clp_status"), let primalSolution = dlsym(library, "Clp_primalColumnSolution"),
      let dualSolution = dlsym(library, "Clp_dualRowSolution")
    else { return nil }
    self.newModel = unsafeBitCast(newModel, to: (@convention(c) () -> Model?).self)
    self.deleteModel = unsafeBitCast(deleteModel, to: (@convention(c) (Model) -> Void).self)
    self.setLogLevel = unsafeBitCast(setLogLevel, to: (@convention(c) (Model, Int32) -> Void).self)
    self.setMaximumSeconds = unsafeBitCast(setMaximumSeconds, to: (@convention(c) (Model, Double) -> Void).self)
    self.loadProblem = unsafeBitCast(loadProblem, to: Load.self)
    self.dual = unsafeBitCast(dual, to: (@convention(c) (Model, Int32) -> Int32).self)
    self.status = unsafeBitCast(status, to: (@convention(c) (Model) -> Int32).self)
    self.primalSolution = unsafeBitCast(
      primalSolution, to: (@convention(c) (Model) -> UnsafePointer<Double>?).self)
    self.dualSolution = unsafeBitCast(dualSolution, to: (@convention(c) (Model) -> UnsafePointer<Double>?).self)
  }

  /// Solves a program by the dual simplex method within some seconds; nil if the library gives no model.
  func solve(_ program: LinearProgram, seconds: Double) -> Solution? {
    guard let model = newModel() else { return nil }
    defer { deleteModel(model) }
    setLogLevel(model, 0)
    // Clp counts processor time since its start, so it gets a little at least.
    setMaximumSeconds(model, max(seconds, 0.01))
    loadProblem(
      model, Int32(program.objective.count), Int32(program.rowLower.count), program.starts, program.rows,
      program.values, program.lower, program.upper, program.objective, program.rowLower, program.rowUpper)
    _ = dual(model, 0)
    let code = status(model)
    guard let primal = primalSolution(model), let duals = dualSolution(model) else { return nil }
    return Solution(
      status: code == 0 ? .optimal : (code == 1 ? .infeasible : .other),
      primal: Array(UnsafeBufferPointer(start: primal, count: program.objective.count)),
      rowDuals: Array(UnsafeBufferPointer(start: duals, count: program.rowLower.count)))
  }
}
