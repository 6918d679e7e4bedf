import Certificates

// The table of all inputs.

extension SmoothingReport {
  var inputsSection: Markup {
    guard !certificates.isEmpty else { return "" }
    let time: Markup = seconds.isEmpty ? "" : #"<th class="n">seconds</th>"#
    let limit: Markup = isExact ? #"<th class="n">D</th>"# : ""
    return """
      <h2>All inputs</h2>
      <div class="scroll"><table><thead><tr><th class="n">index</th><th>name</th><th>label</th><th>class</th>\
      <th>decision</th><th class="n">radius</th>\(limit)<th class="n">votes at the last look</th><th class="n">passes</th>\
      \(time)</tr></thead><tbody>
      \(certificates.map(row))</tbody></table></div>
      <p class="note">class: the one with most selection votes, certified or not. radius: in units of the full pixel \
      range, rounded down; a dash where nothing is certified.</p>
      """
  }

  private func row(_ certificate: SmoothingCertificate) -> Markup {
    let certified = certificate.decision == .certified
    let dash: Markup = "–"
    func name(of index: Int?) -> Markup {
      guard let index else { return dash }
      let name: Markup = className(index).map { "<small>\($0)</small>" } ?? ""
      return "\(index)\(name)"
    }
    let votes: Markup =
      certificate.looks.last.map { look in
        "\(NumberText.grouped(look.votes)) of \(NumberText.grouped(look.n))"
      } ?? dash
    let limit: Markup =
      isExact
      ? #"<td class="n">\#(certified ? certificate.squaredLevels.map { NumberText.grouped($0) } ?? "–" : "–")</td>"#
      : ""
    let time: Markup =
      seconds.isEmpty
      ? ""
      : #"<td class="n">\#(seconds[certificate.index].map { NumberText.decimal($0, places: 2) } ?? "–")</td>"#
    return """
      <tr><td class="n">\(certificate.index)</td><td class="name">\(certificate.name)</td>\
      <td>\(name(of: certificate.label))</td><td>\(name(of: certificate.topClass))</td>\
      <td>\(decision(certificate))</td><td class="n">\(certified ? certificate.radius : "–")</td>\(limit)\
      <td class="n">\(votes)</td><td class="n">\(NumberText.grouped(certificate.passes))</td>\(time)</tr>

      """
  }

  private func decision(_ certificate: SmoothingCertificate) -> Markup {
    switch certificate.decision {
    case .certified:
      certificate.isCorrect == false
        ? #"<span class="dot wrong"></span>certified, wrong class"# : #"<span class="dot good"></span>certified"#
    case .abstain: #"<span class="dot none"></span>abstained"#
    case .unreadable:
      """
      <span class="dot open"></span>unreadable<small>\(certificate.problem ?? "no reason recorded")</small>
      """
    }
  }
}
