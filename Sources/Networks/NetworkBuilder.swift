// Builds a network layer by layer from what operators know: rows over entries, functions of entries, products.
//
// An entry of a graph's value is an `Element`: a neuron's number, or a constant. Moving data therefore costs nothing:
// a transpose permutes elements. Neurons are numbered as they are made; `network(outputs:)` drops what nothing reads.

/// A network under construction.
///
/// Guarantee: whatever is built means exactly what was asked for, over the real numbers, up to the errors that a layer
/// declares. Layers are only joined where coefficients and biases add up exactly in binary64, and where no term cancels
/// another, so that sums of magnitudes also bound the roundings of a binary32 evaluation as written.
public struct NetworkBuilder: Sendable {
  /// A neuron's number (>= 0), or a constant of the builder (< 0).
  public typealias Element = Int

  /// The constant 0.
  package static let zero: Element = -1

  let name: String
  package internal(set) var layers: [Network.Layer]
  /// The layers that each layer reads.
  var sources: [[Int]]
  /// Constant c is element -1 - c.
  private var constants: [Double] = [0]
  private var constantElements: [UInt64: Element] = [:]
  /// Functions of whole layers that exist already.
  var functionLayers: [FunctionKey: Int] = [:]
  private(set) var float32Problem: String?

  struct FunctionKey: Hashable {
    var function: ElementaryFunction
    var layer: Int
  }

  package init(name: String, inputCount: Int) {
    self.name = name
    layers = [Network.Layer(name: "input", neurons: 0..<inputCount, relation: .input)]
    sources = [[]]
  }

  package var neuronCount: Int { layers[layers.count - 1].neurons.upperBound }
  package var inputs: [Element] { Array(layers[0].neurons) }

  /// The element of a constant.
  package mutating func constant(_ value: Double) -> Element {
    if value == 0 { return Self.zero }
    if let known = constantElements[value.bitPattern] { return known }
    constants.append(value)
    constantElements[value.bitPattern] = -constants.count
    return -constants.count
  }

  /// The constant that an element is; nil for neurons.
  package func constant(of element: Element) -> Double? { element < 0 ? constants[-1 - element] : nil }

  /// Says why no claim about binary32 evaluations can be made; the first reason stays.
  package mutating func forbidFloat32(_ reason: String) { float32Problem = float32Problem ?? reason }

  /// The layer of a neuron.
  func layer(of neuron: Int) -> Int {
    var low = 0
    var high = layers.count - 1
    while low < high {
      let middle = (low + high) / 2
      if layers[middle].neurons.upperBound <= neuron { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The layers that elements belong to, each once, ascending.
  func layers(of elements: [Element]) -> [Int] {
    var found = Set<Int>()
    var current = 0..<0
    for element in elements where element >= 0 && !current.contains(element) {
      let index = layer(of: element)
      found.insert(index)
      current = layers[index].neurons
    }
    return found.sorted()
  }

  /// Appends a layer and gives its neurons.
  mutating func append(_ name: String, count: Int, _ relation: Network.Relation, reading: [Int]) -> Range<Int> {
    let neurons = neuronCount..<neuronCount + count
    layers.append(Network.Layer(name: name, neurons: neurons, relation: relation))
    sources.append(reading)
    return neurons
  }

  /// Whether the elements are consecutive neurons.
  static func isRange(_ elements: [Element]) -> Bool {
    guard let first = elements.first, first >= 0 else { return elements.isEmpty }
    return elements.withUnsafeBufferPointer { e in
      for index in 1..<max(e.count, 1) where e[index] != first + index { return false }
      return true
    }
  }

  /// The index of the layer whose neurons the elements are, all of them and in order.
  func wholeLayer(_ elements: [Element]) -> Int? {
    guard let first = elements.first, first >= 0, Self.isRange(elements) else { return nil }
    let index = layer(of: first)
    return layers[index].neurons == first..<first + elements.count ? index : nil
  }

  /// The network whose outputs are the given elements. Layers that they do not depend on are dropped.
  /// - Complexity: O(entries), nothing where every layer is read.
  package consuming func network(outputs elements: [Element]) -> Network {
    var output = wholeLayer(elements)
    if output == nil || output == 0 {
      let neurons = selection(name + ".outputs", elements, merging: true)
      output = layer(of: neurons.lowerBound)
    }
    let last = output!
    var isRead = [Bool](repeating: false, count: layers.count)
    isRead[0] = true
    isRead[last] = true
    for index in stride(from: last, through: 1, by: -1) where isRead[index] {
      for source in sources[index] { isRead[source] = true }
    }
    if isRead.contains(false) { keep(isRead) }
    let position = isRead[..<last].count { $0 }
    return Network(name: name, layers: layers, outputLayer: position, float32Problem: float32Problem)
  }

  /// Drops the layers that are not read and renumbers the others.
  private mutating func keep(_ isRead: [Bool]) {
    var shifts = [Int32](repeating: 0, count: neuronCount)
    var layerNumbers = [Int](repeating: 0, count: layers.count)
    var kept: [Network.Layer] = []
    var start = 0
    for index in layers.indices where isRead[index] {
      let old = layers[index].neurons
      let shift = Int32(old.lowerBound - start)
      for neuron in old { shifts[neuron] = shift }
      layerNumbers[index] = kept.count
      var layer = layers[index]
      layers[index].relation = .input
      layer.neurons = start..<start + old.count
      start += old.count
      switch layer.relation {
      case .input: break
      case .affine(var affine):
        layer.relation = .input
        affine.rows.columns.withUnsafeMutableBufferPointer { columns in
          shifts.withUnsafeBufferPointer { shifts in
            for entry in columns.indices { columns[entry] -= shifts[Int(columns[entry])] }
          }
        }
        layer.relation = .affine(affine)
      case .function(let function, let of): layer.relation = .function(function, of: layerNumbers[of])
      case .product(let left, let right): layer.relation = .product(layerNumbers[left], layerNumbers[right])
      }
      kept.append(layer)
    }
    layers = kept
  }
}
