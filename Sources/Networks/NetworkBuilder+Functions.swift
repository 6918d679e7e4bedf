// Functions of entries and products of entries, as layers over whole layers.

extension NetworkBuilder {
  /// The function of every element. Neurons that are all there is of a layer use it as it stands; others are copied by
  /// a layer of 0/1 rows first.
  package mutating func function(
    _ name: String, _ function: ElementaryFunction, of elements: [Element], merging: Bool = false
  ) -> [Element] {
    if function != .relu, function != .sign, function != .step, function != .floor {
      forbidFloat32("the rounding of \(function) in binary32 (\(name)) is not bounded")
    }
    if function == .relu, elements.allSatisfy({ $0 < 0 }) {
      return elements.map { constant(of: $0)! > 0 ? $0 : Self.zero }
    }
    if let whole = wholeLayer(elements) { return Array(layer(name, function, of: whole)) }
    let wanted = Set(elements)
    var counts: [Int: Int] = [:]
    for neuron in wanted where neuron >= 0 { counts[layer(of: neuron), default: 0] += 1 }
    var results: [Element: Element] = [:]
    for index in counts.keys.sorted() where counts[index] == layers[index].count {
      for (neuron, result) in zip(layers[index].neurons, layer(name, function, of: index)) { results[neuron] = result }
    }
    let rest = wanted.filter { results[$0] == nil }.sorted()
    if !rest.isEmpty {
      let copies = selection(name + ".operand", rest, merging: merging)
      for (element, result) in zip(rest, layer(name, function, of: layer(of: copies.lowerBound))) {
        results[element] = result
      }
    }
    return elements.map { results[$0]! }
  }

  /// The function of a layer.
  private mutating func layer(_ name: String, _ function: ElementaryFunction, of index: Int) -> Range<Int> {
    let key = FunctionKey(function: function, layer: index)
    if let known = functionLayers[key] { return layers[known].neurons }
    functionLayers[key] = layers.count
    return append(name, count: layers[index].count, .function(function, of: index), reading: [index])
  }

  /// The entrywise product. Constants become coefficients, equal factors a square.
  package mutating func product(_ name: String, _ left: [Element], _ right: [Element]) -> [Element] {
    if left == right, left.allSatisfy({ $0 >= 0 }) { return function(name, .power(2), of: left) }
    forbidFloat32("the rounding of products of neurons in binary32 (\(name)) is not bounded")
    var left = left
    var right = right
    // A constant factor stands on the right.
    for index in left.indices where left[index] < 0 { swap(&left[index], &right[index]) }
    var results = [Element](repeating: Self.zero, count: left.count)
    let scaled = left.indices.filter { right[$0] < 0 }
    if !scaled.isEmpty {
      let factors = scaled.map { constant(of: right[$0])! }
      let sums = sum(
        name + ".scaled", [SumTerm(elements: scaled.map { left[$0] }, factors: factors, mayMerge: false)])
      for (index, element) in zip(scaled, sums) { results[index] = element }
    }
    let places = left.indices.filter { right[$0] >= 0 }.sorted {
      (left[$0], right[$0], $0) < (left[$1], right[$1], $1)
    }
    if places.isEmpty { return results }
    let (first, second) = (whole(name, places.map { left[$0] }), whole(name, places.map { right[$0] }))
    let neurons = append(
      name, count: places.count, .product(first, second), reading: Array(Set([first, second])).sorted())
    for (place, neuron) in zip(places, neurons) { results[place] = neuron }
    return results
  }

  /// The layer whose neurons are the elements, made for them if there is none.
  private mutating func whole(_ name: String, _ elements: [Element]) -> Int {
    if let index = wholeLayer(elements) { return index }
    let copies = selection(name + ".operand", elements, merging: false)
    return layer(of: copies.lowerBound)
  }
}
