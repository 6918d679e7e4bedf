import Certificates

// What one certificate says in words, what it does not say, and against whom.

extension SmoothingReport {
  /// The certificate that is put into words: the largest radius, with the right class if there is one.
  var example: SmoothingCertificate? {
    let certified = certificates.filter { $0.decision == .certified && $0.topClass != nil }
    let right = certified.filter { $0.isCorrect == true }
    var best: SmoothingCertificate?
    for certificate in right.isEmpty ? certified : right
    where (Double(certificate.radius) ?? 0) > (best.flatMap { Double($0.radius) } ?? -1) {
      best = certificate
    }
    return best
  }

  var claimSection: Markup {
    guard let example, let topClass = example.topClass else {
      return """
        <h2>The claim in words</h2>
        <p>No input of this run is certified, so no claim is made. An abstention says nothing about the input: neither \
        that it is robust nor that it is not.</p>
        """
    }
    let claim = isExact ? exactClaim(example, topClass) : realClaim(example, topClass)
    return """
      <h2>The claim in words</h2>
      <p>Every certified input carries this claim with its own numbers; here it is for input \(example.index), \
      \u{201C}\(example.name)\u{201D}.</p>
      <div class="claim">\(claim)</div>
      <p>The <em>smoothed classifier</em> gives an input the class that the base classifier (the network, preprocessing \
      and arithmetic named below, as one fixed function) returns with probability above one half when noise of the law \
      below is added to the input\(isExact ? " and every value is clamped to \(clampRange)" : ""). A pass with a NaN among its \
      logits counts as a vote against the class.</p>
      """
  }

  private func exactClaim(_ example: SmoothingCertificate, _ topClass: Int) -> Markup {
    let shape = example.imageShape.map { NumberText.grouped($0) }.joined(separator: " \u{00D7} ")
    let values = NumberText.grouped(example.imageShape.reduce(1, *))
    let limit = example.squaredLevels.map { NumberText.grouped($0) } ?? "D (missing in the record)"
    let norm = example.squaredLevels.map {
      " That is an L2 distance of up to "
        + NumberText.significant(Double($0).squareRoot(), digits: 5, rounding: .down) + " levels;"
    }
    return """
      <p><strong>For every image X\u{2032} in {0, …, 255}<sup>d</sup>, d = \(shape) = \(values), whose sum of squared \
      differences from X is at most D = \(limit), the smoothed classifier\u{2019}s class is \
      \(classText(topClass)).</strong></p>
      <p>X is the 8-bit image after resize and crop whose bytes have the SHA-256 \(hash(example.imageSHA256)). \
      \(norm ?? " It is") the radius \(example.radius) in units of the full pixel range (1 = 255 levels), \
      D = floor((255 \u{00B7} \(example.radius))<sup>2</sup>), equality included.</p>
      <p><strong>The claim is wrong with probability at most \(plan.alpha) over the draw of the nonce.</strong> \
      It is about the integers that the machine computes with, not about ideal Gaussian noise: the distance between the \
      noise table and the Gaussian is charged twice in the test.</p>
      """
  }

  private func realClaim(_ example: SmoothingCertificate, _ topClass: Int) -> Markup {
    """
    <p><strong>For every real-valued input x\u{2032} whose L2 distance from x is at most \(example.radius) (in units of \
    the full pixel range), the class of the classifier smoothed with ideal Gaussian noise is \
    \(classText(topClass)).</strong></p>
    <p>x is the input whose bytes have the SHA-256 \(hash(example.imageSHA256)).</p>
    <p><strong>The claim is wrong with probability at most \(plan.alpha) over the draw of the nonce.</strong> \
    Arithmetic: <strong>real</strong>. The claim speaks about ideal Gaussian noise added in real arithmetic. The noise \
    that the machine added has finite precision; that difference is not charged, and there is no integer radius D.</p>
    """
  }

  var limitsSection: Markup {
    var items: [Markup] = []
    if isExact {
      items.append(
        """
        Changes <strong>before</strong> resize and crop (of the file, the scene or the camera) are not covered, nor are \
        values that are no integers in 0..255. D counts levels of the image that the network is fed.
        """)
    } else {
      items.append(
        """
        Changes <strong>before</strong> the input array was made (of a file, the scene or the camera) are not covered.
        """)
    }
    items.append(
      """
      It is an L2 statement, <strong>not an L\u{221E} one</strong>, and not one about rotation, blur, weather or \
      patches.\(uniformChange)
      """)
    items.append(
      """
      It is about the <strong>smoothed</strong> classifier, not about a single pass of the network without noise. A \
      deployed prediction samples that classifier and may abstain or err with its own probability.
      """)
    items.append(
      """
      It is <strong>not about the classifier of another precision, device, library or batch</strong>: those are other \
      functions. The one that voted is named below.
      """)
    items.append(
      """
      It does not say that the class is <strong>right</strong>, nor anything about inputs that are not in the table. \
      The accuracies are shares of these inputs, not estimates with an error bar for others.
      """)
    items.append(
      """
      alpha = \(plan.alpha) is <strong>per certificate</strong>, not for all of them at once.\(expectedErrors) It holds \
      for one attempt: with a nonce that was drawn at random, before any vote was seen, and not drawn again after the \
      result was known. Repeating a run under new nonces and keeping the best voids it.
      """)
    let list = items.map { item -> Markup in "<li>\(item)</li>\n" }
    return "<h2>What it does not mean</h2>\n<ul>\(list)</ul>"
  }

  /// How large a change of all values at once the example's ball holds.
  private var uniformChange: String {
    guard isExact, let example, let limit = example.squaredLevels else { return "" }
    let values = example.imageShape.reduce(1, *)
    guard values > 0 else { return "" }
    let levels = Int((Double(limit) / Double(values)).squareRoot())
    let sum =
      "A change of all \(NumberText.grouped(values)) values by one level has the sum \(NumberText.grouped(values))"
    return levels == 0
      ? " \(sum), more than the example\u{2019}s D."
      : " \(sum); the example\u{2019}s D allows at most \(levels) on all values at once."
  }

  private var expectedErrors: String {
    guard read > 0, let alpha = Double(plan.alpha) else { return "" }
    let expected = NumberText.significant(alpha * Double(read), digits: 2, rounding: .up)
    return
      " Over the \(NumberText.grouped(read)) inputs tested here at most \(expected) wrong certificates are expected."
  }

  var threatSection: Markup {
    """
    <h2>Threat model</h2>
    <p>The adversary knows the network, the noise law, this program and the original input, and has unlimited computing \
    power. They may replace the input by any other one within the radius\
    \(isExact ? ", after resize and crop" : ""). They do not control the machine that computes, the model file or the \
    noise that is drawn, and whoever made the model or the input did not know the nonce when they made it.</p>
    <p>A certificate rests on: the votes having been computed by the named classifier (<code>surety check</code> \
    evaluates random ones again), Philox4x32-10 keyed by SHA-256 behaving as independent random numbers, and the \
    statistics, which <code>surety check</code> recomputes with code of its own.</p>
    """
  }
}
