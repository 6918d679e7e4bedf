// Rows carried back together: a panel of linear forms over all neurons, lane = row * parts + part.

import CBoundPropagation
import Networks

/// One thread's memory for backward passes.
final class RowPanel {
  let plan: BoundPlan
  let lanes: Int
  let panel: UnsafeMutablePointer<Double>
  let touched: UnsafeMutablePointer<UInt8>
  let sums: UnsafeMutablePointer<Double>
  private let scratch: UnsafeMutablePointer<Int32>
  /// Where each lane's form is least over the box, inputs only until a forward pass fills the rest.
  private(set) lazy var values: UnsafeMutablePointer<Double> = {
    let memory = UnsafeMutablePointer<Double>.allocate(capacity: plan.neuronCount * lanes)
    memory.initialize(repeating: 0, count: plan.neuronCount * lanes)
    holdsValues = true
    return memory
  }()
  private var holdsValues = false
  private(set) var top = 0

  /// Memory for a multiple of eight lanes: the inner loops take eight at once.
  init(_ plan: BoundPlan, lanes: Int) {
    precondition(lanes % 8 == 0)
    self.plan = plan
    self.lanes = lanes
    panel = .allocate(capacity: plan.neuronCount * lanes)
    touched = .allocate(capacity: plan.neuronCount)
    sums = .allocate(capacity: 3 * lanes)
    scratch = .allocate(capacity: plan.neuronCount)
  }

  deinit {
    panel.deallocate()
    touched.deallocate()
    sums.deallocate()
    scratch.deallocate()
    if holdsValues { values.deallocate() }
  }

  func reset() {
    touched.update(repeating: 0, count: plan.neuronCount)
    sums.update(repeating: 0, count: 3 * lanes)
    top = 0
  }

  /// Adds `coefficient` times a neuron to the forms of some lanes, with an error of the coefficient.
  func seed(_ neuron: Int, _ coefficient: Double, error: Double = 0, lanes range: Range<Int>) {
    let row = panel + neuron * lanes
    if touched[neuron] == 0 {
      row.update(repeating: 0, count: lanes)
      touched[neuron] = 1
    }
    top = max(top, Int(plan.layerOf[neuron]))
    for lane in range {
      row[lane] += coefficient
      if error > 0 && plan.isRoundingSafe {
        sums[2 * lanes + lane] += error * abs(coefficient) * plan.magnitude[neuron] * (1 + 0x1p-10)
      }
    }
  }

  func seed(constant: Double, lanes range: Range<Int>) {
    for lane in range {
      sums[lane] += constant
      sums[lanes + lane] += abs(constant)
    }
  }

  private var cSums: cbp_sums { cbp_sums(constant: sums, magnitude: sums + lanes, error: sums + 2 * lanes) }

  /// Carries the forms back to the inputs and adds their least values over the box. With `keepsPoint` the minimisers
  /// stand in `values`.
  func propagate(_ lines: LineTable, box: BoxTable, keepsPoint: Bool = false) {
    withUnsafePointer(to: lines.c) {
      cbp_backward(plan.layers, Int64(top), Int64(lanes), panel, touched, $0, plan.lineCharge, cSums, scratch)
    }
    cbp_concretize(
      Int64(plan.network.inputs.count), Int64(lanes), panel, touched, box.lower, box.upper, Int64(box.stride), cSums,
      keepsPoint ? values : nil)
  }

  /// Carries the minimisers forward through the lines in force.
  func forward(_ lines: LineTable) {
    withUnsafePointer(to: lines.c) {
      cbp_forward(plan.layers, Int64(top), Int64(lanes), panel, touched, $0, values)
    }
  }

  /// Everything that rounding may have taken from a lane's constant.
  func error(_ lane: Int) -> Double {
    guard plan.isRoundingSafe else { return 0 }
    let terms = gamma64(plan.termCount + 2) * sums[lanes + lane]
    return (sums[2 * lanes + lane] + terms) * (1 + 0x1p-9) + plan.omega
  }

  /// The lane's form is at least this on its part; -infinity if there is no bound.
  func bound(_ lane: Int) -> Double {
    let value = (sums[lane] - error(lane)).nextDown
    return value.isNaN ? -.infinity : value
  }
}

/// Lower and upper ends of inputs (or of all neurons) for `stride` parts.
package final class BoxTable {
  let stride: Int
  package let lower: UnsafeMutablePointer<Double>
  package let upper: UnsafeMutablePointer<Double>

  init(count: Int, stride: Int) {
    self.stride = stride
    lower = .allocate(capacity: max(1, count * stride))
    upper = .allocate(capacity: max(1, count * stride))
    lower.initialize(repeating: 0, count: max(1, count * stride))
    upper.initialize(repeating: 0, count: max(1, count * stride))
  }

  deinit {
    lower.deallocate()
    upper.deallocate()
  }
}

/// Lines of all functions and planes of all products, for `stride` parts or lanes.
final class LineTable {
  let stride: Int
  let count: Int
  /// Lower and upper slope, lower and upper intercept, lower and upper second slope, one after the other.
  let numbers: UnsafeMutablePointer<Double>

  init(count: Int, stride: Int) {
    self.stride = stride
    self.count = max(1, count) * stride
    numbers = .allocate(capacity: 6 * self.count)
    numbers.initialize(repeating: 0, count: 6 * self.count)
  }

  deinit { numbers.deallocate() }

  var c: cbp_lines {
    cbp_lines(
      lower_slope: numbers, lower_intercept: numbers + 2 * count, upper_slope: numbers + count,
      upper_intercept: numbers + 3 * count, lower_second: numbers + 4 * count, upper_second: numbers + 5 * count,
      stride: Int64(stride))
  }

  /// Stores the line of one side at an entry (index * stride + lane).
  func set(_ entry: Int, isUpper: Bool, slope: Double, intercept: Double, second: Double = 0) {
    let side = isUpper ? count : 0
    numbers[side + entry] = slope
    numbers[2 * count + side + entry] = intercept
    numbers[4 * count + side + entry] = second
  }
}
