import Certificates

// How the run was done: noise law, sampling plan, data, identity of the classifier, how to check and repeat it.

extension SmoothingReport {
  /// Where noisy pixels are clamped: -255 k ... 255 (k + 1), with M = 255 (k + 1).
  var clampRange: String { "\(255 - configuration.noise.tableHalf)..\(configuration.noise.tableHalf)" }

  var methodSection: Markup {
    let noise = configuration.noise
    let levels = NumberText.product(ofDecimal: noise.sigma, by: 255)
    var law: [(String, Markup)] = [
      ("law", isExact ? "\(noise.law), rounded to whole levels" : "\(noise.law)"),
      (
        "sigma",
        "\(noise.sigma) in units of the full pixel range = \(levels ?? "255 \u{00B7} \(noise.sigma)") of 255 levels"
      ),
      (
        "arithmetic",
        isExact
          ? "exact: 8-bit images, integer noise, noisy values clamped to \(clampRange)"
          : "real: the certificates speak about ideal Gaussian noise in real arithmetic"
      ),
    ]
    if isExact {
      law.append(
        ("noise table", "\(NumberText.grouped(2 * noise.tableHalf)) entries, SHA-256 \(hash(noise.tableSHA256))"))
    }
    law.append(
      (
        "random numbers",
        """
        Philox4x32-10; key = first 8 bytes of SHA-256(law, nonce, SHA-256 of the input); stream 0 selects the class, \
        stream 1 estimates its probability
        """
      ))
    law.append(("nonce", hash(configuration.nonce)))
    return """
      <h2>Noise</h2>
      \(facts(law))
      <h2>Sampling plan</h2>
      \(planText)
      \(planTable)
      """
  }

  private var planText: Markup {
    let selection = NumberText.grouped(plan.selection)
    let estimation = NumberText.grouped(plan.estimation)
    switch plan.kind {
    case .sequential:
      return """
        <p>\(selection) passes choose the class; at most \(estimation) others test it by an exact group-sequential test \
        at alpha\u{00A0}=\u{00A0}\(plan.alpha)\(plan.schedule.map { ", schedule \u{201C}\($0)\u{201D}" } ?? ""). Radii, looks and \
        boundaries were fixed before the first pass. A radius is certified if at some look the votes reach its boundary, \
        and those of all smaller radii do so at some look; stopping early for want of success costs nothing.</p>
        """
    case .fixed:
      return """
        <p>\(selection) passes choose the class; exactly \(estimation) others estimate its probability (CERTIFY of Cohen, \
        Rosenfeld and Kolter 2019). The radius follows from the lower Clopper-Pearson limit at alpha\u{00A0}=\u{00A0}\(plan.alpha), \
        rounded down.</p>
        """
    }
  }

  private var planTable: Markup {
    guard plan.kind == .sequential, !plan.tests.isEmpty else { return "" }
    let heads = plan.looks.map { look -> Markup in #"<th class="n">n = \#(NumberText.grouped(look))</th>"# }
    let rows = plan.tests.map { test -> Markup in
      let cells = plan.looks.indices.map { look -> Markup in
        guard look < test.boundaries.count, test.boundaries[look] <= plan.looks[look] else {
          return #"<td class="n">cannot</td>"#
        }
        let spent = look < test.spent.count ? NumberText.significant(test.spent[look], digits: 2, rounding: .up) : "–"
        return #"<td class="n">\#(NumberText.grouped(test.boundaries[look]))<small>\#(spent)</small></td>"#
      }
      let probability = NumberText.significant(test.nullProbability, digits: 7, rounding: .up)
      return """
        <tr><td class="n">\(test.radius)</td><td class="n">\(isExact ? NumberText.grouped(test.squaredLevels) : "–")</td>\
        <td class="n">\(probability)</td>\(cells)</tr>

        """
    }
    return """
      <div class="wide"><table><thead><tr><th class="n">radius</th><th class="n">D</th><th class="n">p0</th>\(heads)</tr>\
      </thead><tbody>\(rows)</tbody></table></div>
      <p class="note">Each cell: the least number of votes among the first n that certifies the radius, and below it the \
      error probability spent up to that look (upper bound). p0 is the largest probability of the class that the radius \
      leaves possible, rounded up.</p>
      """
  }

  // MARK: Identity

  /// The classifiers that the records name, in order of appearance, with their numbers of records.
  var identities: [(identity: ClassifierIdentity, records: Int)] {
    var found: [(identity: ClassifierIdentity, records: Int)] = []
    var places: [ClassifierIdentity: Int] = [:]
    for certificate in certificates where certificate.decision != .unreadable {
      if let place = places[certificate.classifier] {
        found[place].records += 1
      } else {
        places[certificate.classifier] = found.count
        found.append((certificate.classifier, 1))
      }
    }
    return found.isEmpty ? [(configuration.classifier, 0)] : found
  }

  func identitySection() throws -> Markup {
    let all = identities
    var markup: Markup = """
      <h2>Identity of the classifier</h2>
      <p>The base classifier is one fixed function. It is named by everything that its logits depend on.</p>
      """
    if all.count > 1 {
      markup += """
        <p>\(all.count) classifiers voted in this run, each for whole inputs; no input mixes votes of two.</p>
        """
    }
    for (position, entry) in all.enumerated() {
      if all.count > 1 {
        markup += "<h3>Classifier \(position + 1), \(NumberText.grouped(entry.records)) inputs</h3>"
      }
      markup += facts(try Self.rows(entry.identity, hash: hash))
    }
    let model = configuration.model
    let data = configuration.data
    let selection = "skip \(data.skip), limit \(data.limit.map { String($0) } ?? "none"), "
    let shard = "shard \(data.shard) of \(data.shards)"
    markup += "<h2>Model, data and configuration</h2>"
    markup += facts([
      ("model file", "\(model.path)"),
      (
        "model input",
        "\(model.inputShape.map { String($0) }.joined(separator: " \u{00D7} ")), \(model.classes) classes"
      ),
      ("data", "\(data.path)"),
      ("labels", "\(data.labels ?? "those of the data, if any")"),
      ("inputs", "\(NumberText.grouped(data.count)) in the data; \(selection)\(shard)"),
      ("list of inputs", "SHA-256 \(hash(data.listSHA256))"),
      ("unreadable inputs", configuration.skipBad ? "recorded and passed over" : "end the run"),
      ("preprocessing", "<code>\(configuration.preprocessing)</code>"),
      ("configuration", "SHA-256 \(hash(configuration.configurationSHA256))"),
      ("claim", "SHA-256 \(hash(try configuration.claimDigest())) (noise law, sampling plan, nonce)"),
      ("program, format", "surety \(configuration.version), \(configuration.format)"),
    ])
    return markup
  }

  private static func rows(
    _ identity: ClassifierIdentity, hash: (String) -> Markup
  ) throws -> [(String, Markup)] {
    var rows: [(String, Markup)] = [
      ("device", "\(identity.deviceName) (\(identity.deviceKind))"),
      ("software", "\(identity.software)"),
      ("variant", "\(identity.variant)"),
      ("precision", "\(identity.precision)"),
    ]
    if let scales = identity.quantizationSHA256 { rows.append(("int8 scales", "SHA-256 \(hash(scales))")) }
    rows += [
      ("padded batch", "\(identity.paddedBatch) samples in every pass"),
      ("model", "SHA-256 \(hash(identity.modelSHA256))"),
      ("preprocessing", "SHA-256 \(hash(identity.preprocessingSHA256))"),
      (
        "lookup table",
        identity.lookupSHA256.isEmpty ? "none (real-valued input)" : "SHA-256 \(hash(identity.lookupSHA256))"
      ),
      ("eight fixed samples", "SHA-256 of their logits \(hash(identity.logitsSHA256))"),
      ("all of the above", "SHA-256 \(hash(try identity.digest()))"),
    ]
    return rows
  }

  // MARK: Checking and repeating

  var checkSection: Markup {
    let audit: Markup =
      if let text = self.audit {
        "<h3>What the check of this run printed</h3>\n<pre>\(text)</pre>"
      } else {
        "<p class=\"note\">No check of this run was given when the page was written.</p>"
      }
    let oldRun =
      configuration.quantization == nil ? "" : "; OLD_RUN is the folder of this run, whose int8 scales are used again"
    return """
      <h2>Check it, resume it, repeat it</h2>
      <p>RUN stands for the run\u{2019}s folder. This page is a summary; the evidence is the folder.</p>
      <pre>surety check RUN --samples 200</pre>
      <p>recomputes noise table, keys, boundaries, decisions, D and all hashes with independent code, and evaluates 200 \
      random votes of every certificate again. A share f of false votes in a certificate goes unnoticed with probability \
      (1 \u{2212} f)<sup>200</sup>; a clean result leaves at most 3.4 % possible at 99.9 % confidence. Exit code 0: \
      accepted, 1: rejected, 2: the check could not be done.</p>
      \(audit)
      <p>The same command with the same options and folder goes on where a run stopped; finished records stay as they \
      are. With the nonce, this repeats the run:</p>
      <pre>\(command)</pre>
      <p class="note">preprocessing.json stands for a file with the text under \u{201C}preprocessing\u{201D} above, or the \
      preset that it came from\(oldRun).</p>
      """
  }

  /// The command that gives the same certificates.
  var command: String {
    let data = configuration.data
    var words = ["surety smooth certify", "--model \(Self.quoted(configuration.model.path))"]
    words.append("--data \(Self.quoted(data.path))")
    if let labels = data.labels { words.append("--labels \(Self.quoted(labels))") }
    words.append("--preprocess preprocessing.json")
    words.append("--sigma \(configuration.noise.sigma) --alpha \(plan.alpha)")
    words.append("--n0 \(plan.selection) --n \(plan.estimation) --sampling \(plan.kind.rawValue)")
    if plan.kind == .sequential { words.append("--radii \(plan.tests.map(\.radius).joined(separator: ","))") }
    if data.skip > 0 { words.append("--skip \(data.skip)") }
    if let limit = data.limit { words.append("--limit \(limit)") }
    if data.shards > 1 { words.append("--shard \(data.shard)/\(data.shards)") }
    if configuration.skipBad { words.append("--skip-bad") }
    // Devices with different batches chose them themselves.
    let batches = Set(configuration.classifiers.map(\.paddedBatch))
    words.append(
      "--device \(Self.quoted(device)) --precision \(Self.quoted(configuration.precision))"
        + (batches.count == 1 ? " --batch \(configuration.classifier.paddedBatch)" : ""))
    // An int8 classifier is its scales as well: they are taken from this run, not measured again.
    if configuration.quantization != nil { words.append("--calibration OLD_RUN") }
    words.append("--nonce \(Self.quoted(configuration.nonce)) --out RUN")
    return words.joined(separator: " \\\n  ")
  }

  /// What `--device` was told, as far as the latest start's classifiers tell.
  private var device: String {
    let kinds = configuration.classifiers.map(\.deviceKind)
    return kinds.count == 1 ? kinds[0] : kinds.contains("cpu") ? "all" : "\(kinds[0]):all"
  }

  /// A word as a POSIX shell reads it back.
  static func quoted(_ word: String) -> String {
    let plain =
      !word.isEmpty
      && word.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "."),
          UInt8(ascii: "/"), UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "="), UInt8(ascii: "+"):
          true
        default: false
        }
      }
    return plain
      ? word : "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }
}
