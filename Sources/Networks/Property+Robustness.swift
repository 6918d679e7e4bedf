// Robustness as a property: no input near a given one may be given another label.

import Statistics

extension Property {
  /// Which inputs are near.
  public enum Perturbation: Sendable {
    /// |x_i - centre_i| <= radius_i. One radius serves all inputs.
    case linf(radii: [ExactDecimal])
    /// Euclidean distance at most the radius.
    case l2(radius: ExactDecimal)
    /// Sum of absolute differences at most the radius.
    case l1(radius: ExactDecimal)
  }

  /// The property that is refuted by an input near `centre` whose score for another label is not below that of `label`.
  ///
  /// Forbidden: an input of the perturbation and of the data box with Y_t >= Y_label for some t in `targets` other than
  /// `label` (all others if nil). Ties count as errors. All limits are exact decimals; a radius such as 8/255 is given
  /// as `ExactDecimal(roundingUp: 8, over: 255, digits: 20)`, which proves a little more than was asked.
  ///
  /// - Parameters:
  ///   - centre: the model's input; a binary32 number is exactly `ExactDecimal(exactly:)`.
  ///   - dataBox: the limits of all inputs, for example those of normalised pixels; nil for none.
  /// - Precondition: the label is a class, radii are not negative, counts agree, and the centre lies in the data box.
  /// - Complexity: one sum of decimals for each input.
  public static func robustness(
    centre: [ExactDecimal], perturbation: Perturbation, label: Int, classes: Int, targets: [Int]? = nil,
    dataBox: (lower: [ExactDecimal], upper: [ExactDecimal])? = nil
  ) -> Property {
    precondition((0..<classes).contains(label), "The label must be one of the classes.")
    var lower: [ExactDecimal]
    var upper: [ExactDecimal]
    var ball: Ball?
    switch perturbation {
    case .linf(let radii):
      precondition(radii.count == 1 || radii.count == centre.count, "One radius, or one for each input.")
      let each = radii.count == 1 ? Array(repeating: radii[0], count: centre.count) : radii
      lower = zip(centre, each).map { $0 - $1 }
      upper = zip(centre, each).map { $0 + $1 }
    case .l2(let radius), .l1(let radius):
      lower = centre.map { $0 - radius }
      upper = centre.map { $0 + radius }
      if case .l2 = perturbation {
        ball = Ball(norm: .l2, centre: centre, radius: radius)
      } else {
        ball = Ball(norm: .l1, centre: centre, radius: radius)
      }
    }
    if let dataBox {
      precondition(dataBox.lower.count == centre.count && dataBox.upper.count == centre.count)
      for index in centre.indices {
        precondition(
          dataBox.lower[index] <= centre[index] && centre[index] <= dataBox.upper[index],
          "The centre must lie in the data box.")
        lower[index] = max(lower[index], dataBox.lower[index])
        upper[index] = min(upper[index], dataBox.upper[index])
      }
    }
    return Property(
      inputCount: centre.count, outputCount: classes,
      cases: [
        Case(
          lower: lower, upper: upper, ball: ball,
          clauses: otherLabelClauses(label: label, classes: classes, targets: targets))
      ])
  }

  /// A clause Y_t >= Y_label for each t in `targets` (all classes if nil) other than `label`.
  public static func otherLabelClauses(label: Int, classes: Int, targets: [Int]? = nil) -> [[LinearConstraint]] {
    let one = ExactDecimal(1)
    return (targets ?? Array(0..<classes)).filter { $0 != label }.map { target in
      // Y_label - Y_target <= 0.
      [
        LinearConstraint(
          terms: [
            Term(variable: .output(label), coefficient: one), Term(variable: .output(target), coefficient: -one),
          ], bound: ExactDecimal(0))
      ]
    }
  }
}
