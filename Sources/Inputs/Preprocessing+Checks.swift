// The checks that keep a mean in 0..255 from meeting a scale of 1, and the reverse: the mistake that turns a
// classifier into noise without any error, and makes every certificate about it worthless.

extension Preprocessing {
  /// Refuses values that cannot be meant.
  ///
  /// A mean lies in 0...scale; a std lies between scale / 255 (one pixel level) and 2 * scale; with a scale of 2 or
  /// more no mean lies strictly between 0 and one pixel level.
  func validate() throws(InputError) {
    try validateGeometry()
    guard scale.isFinite, scale > 0 else {
      throw .preprocessing(reason: "\"scale\" is \(scale); it must be positive, 1 or 255 as a rule")
    }
    try validateCount(of: mean, name: "mean")
    try validateCount(of: std, name: "std")
    for value in mean { try validate(mean: value) }
    for value in std { try validate(std: value) }
  }

  private func validateGeometry() throws(InputError) {
    let largest = 16384
    for (name, value) in [("resize", resize), ("crop", crop)] {
      guard let value else { continue }
      guard (1...largest).contains(value) else {
        throw .preprocessing(reason: "\"\(name)\" is \(value); it must lie in 1...\(largest)")
      }
    }
    if let resize, let crop, crop > resize {
      throw .preprocessing(
        reason: "the crop of \(crop) is larger than the shorter side of \(resize) that \"resize\" gives")
    }
  }

  private func validateCount(of values: [Double], name: String) throws(InputError) {
    guard values.count == 1 || values.count == 3 else {
      throw .preprocessing(reason: "\"\(name)\" has \(values.count) values; give 1, or 3 in the model's channel order")
    }
    if channels == .grey, values.count != 1 {
      throw .preprocessing(reason: "\"\(name)\" has \(values.count) values, but \"channels\" is \"L\"; give 1")
    }
  }

  private func validate(mean value: Double) throws(InputError) {
    guard value.isFinite else { throw .preprocessing(reason: "\"mean\" contains \(value)") }
    guard value >= 0, value <= scale else {
      let hint = scale < 255 && value > scale && value <= 255 ? "; is \"scale\": 255 meant?" : ""
      throw .preprocessing(
        reason: "the mean \(value) lies outside 0...\(scale), the range that \"scale\" declares\(hint)")
    }
    if scale >= 2, value > 0, value * 255 < scale {
      throw .preprocessing(
        reason: "the mean \(value) is less than one pixel level at scale \(scale); is \"scale\": 1 meant?")
    }
  }

  private func validate(std value: Double) throws(InputError) {
    guard value.isFinite, value > 0 else {
      throw .preprocessing(reason: "\"std\" contains \(value); it must be positive")
    }
    guard value <= 2 * scale else {
      let hint = scale < 255 && value <= 510 ? "; is \"scale\": 255 meant?" : ""
      throw .preprocessing(
        reason: "the std \(value) is far above the range 0...\(scale) that \"scale\" declares\(hint)")
    }
    guard value * 255 >= scale else {
      let hint = scale > 1 && value * 255 >= 1 ? "; is \"scale\": 1 meant?" : ""
      throw .preprocessing(reason: "the std \(value) is less than one pixel level at scale \(scale)\(hint)")
    }
  }
}
