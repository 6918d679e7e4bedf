// Arithmetic on constants alone, where binary64 holds the result exactly; else constants stay neurons.

extension NetworkBuilder {
  /// The rows over constants as constants; nil unless every step is exact.
  mutating func folded(_ affine: AffineRows, over inputs: [Element]) -> [Element]? {
    guard affine.coefficientRoundings == 0, affine.biasError == nil, inputs.allSatisfy({ $0 < 0 }) else { return nil }
    let numbers = inputs.map { constant(of: $0)! }
    var results: [Double] = []
    for row in 0..<affine.rows.count {
      var sum = affine.bias[row]
      for entry in affine.rows.entries(ofRow: row) {
        let (weight, number) = (affine.rows.values[entry], numbers[Int(affine.rows.columns[entry])])
        guard isExactProduct(weight, number), addsExactly(sum, weight * number) else { return nil }
        sum += weight * number
      }
      results.append(sum)
    }
    forbidFloat32("constants are computed, which binary32 may round")
    return results.map { constant($0) }
  }

  /// The sum of constants as constants; nil unless every step is exact.
  mutating func folded(_ terms: [SumTerm], constant number: [Double]?) -> [Element]? {
    guard terms.allSatisfy({ $0.elements.allSatisfy { $0 < 0 } }) else { return nil }
    var results = number ?? .init(repeating: 0, count: terms[0].elements.count)
    for term in terms {
      for index in results.indices {
        let (factor, value) = (term.factors?[index] ?? 1, constant(of: term.elements[index])!)
        guard isExactProduct(factor, value), addsExactly(results[index], factor * value) else { return nil }
        results[index] += factor * value
      }
    }
    forbidFloat32("constants are computed, which binary32 may round")
    return results.map { constant($0) }
  }
}
