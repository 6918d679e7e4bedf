import Certificates
import Reports
import Testing

@Suite struct SmoothingReportTests {
  static let cases: [SyntheticRun.Options] = [
    .init(), .init(inputs: 60, open: 5, radii: ["0.12", "0.25", "0.5", "1.0"], unreadable: true, classifiers: 2),
    .init(inputs: 60, fixed: true, unreadable: true), .init(inputs: 30, labelled: false, arithmetic: .real),
    .init(inputs: 1), .init(inputs: 5, open: 5),
    .init(inputs: 9, name: "</td><script>alert(1)</script>\"'&\u{202E}gpj."),
  ]

  private func page(_ run: SyntheticRun, audit: String? = nil, names: [String] = []) throws -> String {
    try SmoothingReport.html(
      configuration: run.configuration, certificates: run.certificates, seconds: run.seconds, audit: audit,
      classNames: names)
  }

  @Test(arguments: cases.indices) func pagesAreBalancedAndNeedNothingElse(_ number: Int) throws {
    let page = try page(try SyntheticRun(Self.cases[number]), audit: "<accepted> & done", names: ["<i>"])
    #expect(imbalance(page) == nil)
    #expect(drawings(page).count == 3)
    for drawing in drawings(page) {
      #expect(imbalance(drawing) == nil)
      #expect(!drawing.has("nan") && !drawing.has("inf"))
    }
    #expect(!page.has("<script") && !page.has("src=") && !page.has("href=") && !page.has("url("))
    #expect(page.count(of: "http") == page.count(of: "http-equiv") + page.count(of: "http://www.w3.org/2000/svg"))
    #expect(page.has("&lt;accepted&gt; &amp; done"))
  }

  @Test(arguments: cases.indices) func theNumbersAreThoseOfTheSummary(_ number: Int) throws {
    let run = try SyntheticRun(Self.cases[number])
    let plan = run.configuration.sampling
    let summary = RunSummary(run.certificates, plan: plan)
    guard summary.inputs > 0 else { return }
    let page = try page(run)
    let read = summary.inputs - summary.unreadable
    for point in summary.points {
      let correct = "<td class=\"n\">\(NumberText.share(point.correct, of: summary.labelled))</td>"
      let certified = "<td class=\"n\">\(NumberText.share(point.certified, of: read))</td></tr>"
      let middle = summary.labelled > 0 ? correct : ""
      #expect(page.has("<tr><td class=\"n\">\(point.radius)</td>\(middle)\(certified)"))
    }
    let mean = NumberText.significant(summary.meanRadius, digits: 4, rounding: .down)
    #expect(page.has("<b>\(mean)</b>"))
    #expect(page.has("<b>\(NumberText.grouped(summary.passes))</b>"))
    #expect(page.has("<span>abstentions</span><b>\(summary.abstentions)</b>"))
    if summary.labelled > 0 {
      #expect(page.has("<b>\(NumberText.percent(summary.cleanCorrect, of: summary.labelled))</b>"))
    }
    let text = SummaryText.smoothing(summary: summary, plan: plan, wallSeconds: 10)
    #expect(text.has(mean) && text.has(NumberText.grouped(summary.passes)))
    #expect(text.has("\(NumberText.rate(Double(summary.passes) / 10)) passes/s"))
    for point in summary.points { #expect(text.has("\(point.certified) of \(read)")) }
    if plan.kind == .sequential { #expect(text.has(NumberText.grouped(summary.fixedPasses))) }
  }

  @Test func theExactClaimHasItsIntegersAndItsLimits() throws {
    let run = try SyntheticRun(.init(inputs: 40, radii: ["0.25"]))
    let page = try page(run, names: (0..<1000).map { "name <\($0)>" })
    let best = try #require(run.certificates.first { $0.isCorrect == true })
    let topClass = try #require(best.topClass)
    #expect(page.has("sum of squared differences from X is at most D = 4,064, the smoothed"))
    #expect(page.has("d = 224 × 224 × 3 = 150,528"))
    #expect(page.has("class is \(topClass) (name &lt;\(topClass)&gt;)."))
    #expect(page.has("wrong with probability at most 0.001 over the draw of the nonce"))
    #expect(page.has(best.imageSHA256))
    #expect(page.has("0.12 in units of the full pixel range = 30.6 of 255 levels"))
    #expect(page.has("resize and crop") && page.has("not an L∞ one") && page.has("per certificate"))
    #expect(page.has(run.configuration.nonce) && page.has("surety check RUN --samples 200"))
    for certificate in run.certificates { #expect(page.has(certificate.name)) }
  }

  @Test func realArithmeticIsNeverCalledExact() throws {
    let page = try page(try SyntheticRun(.init(inputs: 30, arithmetic: .real)))
    #expect(page.has("Arithmetic: <strong>real</strong>") && page.has("ideal Gaussian noise"))
    #expect(!page.has("at most D =") && !page.has("<th class=\"n\">D</th><th class=\"n\">votes"))
  }

  @Test func everyFieldOfTheIdentityIsOnThePage() throws {
    let run = try SyntheticRun(.init(inputs: 10, classifiers: 2))
    let page = try page(run)
    for identity in Set(run.certificates.map(\.classifier)) {
      let fields = [
        identity.modelSHA256, identity.preprocessingSHA256, identity.lookupSHA256, identity.precision,
        "\(identity.paddedBatch) samples", identity.deviceKind, identity.deviceName, identity.software,
        identity.variant, identity.logitsSHA256, try identity.digest(),
      ]
      for field in fields { #expect(page.has(field)) }
    }
    #expect(page.has("Classifier 2, 5 inputs"))
  }

  @Test func namesFromFilesCannotOpenTags() throws {
    let page = try page(try SyntheticRun(.init(inputs: 3, name: "</td><script>alert('1')</script>\u{202E}")))
    #expect(page.has("&lt;/td&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;\u{FFFD}0.JPEG"))
  }

  @Test func anEmptyRunMakesAPageThatSaysSo() throws {
    let run = try SyntheticRun(.init(inputs: 5, open: 5))
    let page = try page(run)
    #expect(page.has("No input is finished yet: there is nothing certified to report."))
    #expect(page.count(of: "No finished input yet") == 3)
    #expect(page.has("so no claim is made"))
    let plan = run.configuration.sampling
    #expect(SummaryText.smoothing(summary: RunSummary([], plan: plan), plan: plan) == "No input is finished yet.\n")
  }

  @Test func unfinishedAndForeignRecordsAreWarnedOf() throws {
    var run = try SyntheticRun(.init(inputs: 12, open: 3))
    #expect(try page(run).has("The run is not finished."))
    run.certificates[2].claimSHA256 = SyntheticRun.hex(99)
    run.certificates.append(run.certificates[0])
    let page = try page(run)
    #expect(page.has("1 records were made for another noise law"))
    #expect(page.has("1 records repeat an input"))
  }

  @Test func pathsAreQuotedForTheShell() throws {
    var run = try SyntheticRun(.init())
    run.configuration.data.path = "my images/it's"
    run.configuration.model.path = "$(rm x).onnx"
    let page = try page(run)
    #expect(page.has("--data &#39;my images/it&#39;\\&#39;&#39;s&#39;"))
    #expect(page.has("--model &#39;$(rm x).onnx&#39;"))
  }
}
