// A network as relations between real numbers: what every bound, search, falsifier and proof is about.
//
// The layers of an ONNX graph come down to three relations (affine, elementwise function, product of two), because the
// rest is bookkeeping: reshapes, transposes, slices, concatenations and paddings only rename neurons. Max-pooling,
// Clip, Abs, LeakyRelu, Max and Min are affine relations around ReLU; Softmax is exp, a sum and a reciprocal.

/// Real-valued neurons in topological order, layer after layer, with the relation that defines each layer.
///
/// A neuron's number is its position among the neurons of all layers. Layer 0 holds the inputs in the order of the
/// model's declaration. The meaning is exact: `affine` and `product` over the real numbers with the coefficients that
/// stand here, up to the errors that the relation declares.
public struct Network: Sendable {
  public var name: String
  public internal(set) var layers: [Layer]
  /// The layer whose neurons are the outputs, in the order of the model's declaration.
  public internal(set) var outputLayer: Int
  /// Why no claim can be made about binary32 evaluations of the graph as written; nil if it can (soundness.md 1.8).
  public internal(set) var float32Problem: String?

  public init(name: String, layers: [Layer], outputLayer: Int, float32Problem: String? = nil) {
    self.name = name
    self.layers = layers
    self.outputLayer = outputLayer
    self.float32Problem = float32Problem
  }

  public var inputs: Range<Int> { layers[0].neurons }
  public var outputs: Range<Int> { layers[outputLayer].neurons }
  public var neuronCount: Int { layers.last.map { $0.neurons.upperBound } ?? 0 }
  /// The multiply-adds of one evaluation: coefficients that are not left out as zero.
  public var multiplyAdds: Int {
    layers.reduce(0) { sum, layer in
      if case .affine(let affine) = layer.relation { sum + affine.rows.values.count } else { sum }
    }
  }

  /// Consecutive neurons with one relation.
  public struct Layer: Sendable {
    public var name: String
    /// The numbers of its neurons.
    public var neurons: Range<Int>
    public var relation: Relation

    public init(name: String, neurons: Range<Int>, relation: Relation) {
      self.name = name
      self.neurons = neurons
      self.relation = relation
    }

    public var count: Int { neurons.count }
  }

  /// How the neurons of a layer follow from earlier ones.
  public enum Relation: Sendable {
    case input
    case affine(Affine)
    /// Neuron i is the function of neuron i of layer `of`, which has the same count.
    case function(ElementaryFunction, of: Int)
    /// Neuron i is the product of neuron i of one layer and neuron i of the other; all counts are equal.
    case product(Int, Int)
  }
}

/// z_j = sum_k W_jk h_k + b_j, with h_k any earlier neurons.
public struct Affine: Sendable {
  public var rows: SparseRows
  public var bias: [Double]
  /// How many roundings to binary64 a coefficient has behind it, at most: |W - true W| <= gamma64(q) |W|. 0: exact.
  public var coefficientRoundings: Int
  /// |b_j - true b_j| at most; nil: exact.
  public var biasError: [Double]?
  /// Roundings of a binary32 evaluation as written beyond the fan-in and 2 (soundness.md 1.8): 0 for Conv and Gemm, 1
  /// more for every addition merged in, and so on.
  public var float32ExtraRoundings: Int

  public init(
    rows: SparseRows, bias: [Double], coefficientRoundings: Int = 0, biasError: [Double]? = nil,
    float32ExtraRoundings: Int = 0
  ) {
    precondition(rows.count == bias.count)
    self.rows = rows
    self.bias = bias
    self.coefficientRoundings = coefficientRoundings
    self.biasError = biasError
    self.float32ExtraRoundings = float32ExtraRoundings
  }
}

/// Rows of a sparse matrix whose columns are neuron numbers, ascending and without repetition within a row.
public struct SparseRows: Sendable {
  /// Row j holds the entries starts[j]..<starts[j + 1].
  public var starts: [Int]
  public var columns: [Int32]
  public var values: [Double]

  public init(starts: [Int] = [0], columns: [Int32] = [], values: [Double] = []) {
    self.starts = starts
    self.columns = columns
    self.values = values
  }

  public var count: Int { starts.count - 1 }
  public func entries(ofRow row: Int) -> Range<Int> { starts[row]..<starts[row + 1] }

  /// Appends a row of (column, value) pairs, ascending by column.
  public mutating func append(_ row: some Sequence<(column: Int, value: Double)>) {
    for (column, value) in row {
      columns.append(Int32(column))
      values.append(value)
    }
    starts.append(columns.count)
  }
}

/// The elementwise functions of a `Network`. Every engine and the checker bound each of them with code of their own.
public enum ElementaryFunction: Sendable, Hashable {
  /// max(x, 0)
  case relu
  /// -1, 0 or 1
  case sign
  /// 1 / (1 + e^-x)
  case sigmoid
  case tanh
  case exponential
  /// Natural logarithm, of positive numbers.
  case logarithm
  /// Of numbers that are not negative.
  case squareRoot
  /// 1 / x, of numbers of one sign.
  case reciprocal
  case sine
  case cosine
  /// x^n with n >= 2.
  case power(Int)
  /// x (1 + erf(x / sqrt 2)) / 2
  case gelu
  case errorFunction
  /// The largest integer that is not above x.
  case floor
  /// 1 where x >= 0, else 0.
  case step
}
