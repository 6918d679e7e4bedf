import Networks
import Statistics

/// The canonical text of a robustness property around an image: what its hash is of, and what its proof carries.
///
/// First a line `norm linf epsilon 2/255 label 7 targets all classes 10`, then the limits of each input, `lower upper`,
/// and for a ball `radius R centre C_0 C_1 ...`; all numbers are exact decimals.
enum RobustnessText {
  /// - Precondition: the property is one of `Property.robustness`.
  static func text(
    _ property: Property, norm: String, epsilon: String, label: Int, targets: String, classes: Int
  ) -> String {
    let region = property.cases[0]
    var text = "norm \(norm) epsilon \(epsilon) label \(label) targets \(targets) classes \(classes)\n"
    for place in region.lower.indices { text += "\(region.lower[place].text) \(region.upper[place].text)\n" }
    if let ball = region.ball {
      text += "radius \(ball.radius.text) centre \(ball.centre.map(\.text).joined(separator: " "))\n"
    }
    return text
  }

  /// The property that a text states; `name` is for messages. The region is the text's, whatever its epsilon says.
  static func property(_ text: String, name: String) throws -> Property {
    let problem = UserError("\(name) carries a property of images that cannot be read; it is damaged.")
    func decimal(_ text: String) throws -> ExactDecimal {
      guard let number = ExactDecimal(signed: text) else { throw problem }
      return number
    }
    var lines = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    guard let first = lines.first, first.count == 10, first[0] == "norm", first[4] == "label", first[6] == "targets",
      first[8] == "classes", let label = Int(first[5]), let classes = Int(first[9]), (0..<classes).contains(label),
      classes <= 1 << 20, first[7] == "all" || Int(first[7]).map({ (0..<classes).contains($0) }) == true
    else { throw problem }
    var ball: Property.Ball?
    if first[1] != "linf" {
      guard let norm = Property.Ball.Norm(rawValue: first[1]), let last = lines.popLast(), last.count > 3,
        last[0] == "radius", last[2] == "centre"
      else { throw problem }
      let numbers = try last[3...].map(decimal)
      ball = Property.Ball(norm: norm, centre: numbers, radius: try decimal(last[1]))
    }
    let limits = lines.dropFirst()
    guard !limits.isEmpty, limits.allSatisfy({ $0.count == 2 }), ball.map({ $0.centre.count == limits.count }) ?? true
    else { throw problem }
    let region = Property.Case(
      lower: try limits.map { try decimal($0[0]) }, upper: try limits.map { try decimal($0[1]) }, ball: ball,
      clauses: Property.otherLabelClauses(label: label, classes: classes, targets: Int(first[7]).map { [$0] }))
    guard zip(region.lower, region.upper).allSatisfy({ $0 <= $1 }), !region.clauses.isEmpty else { throw problem }
    return Property(inputCount: limits.count, outputCount: classes, cases: [region])
  }
}
