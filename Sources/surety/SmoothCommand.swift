import ArgumentParser

struct SmoothCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "smooth",
    abstract: "Randomized smoothing: certify, predict, or write noisy samples.",
    subcommands: [SmoothCertify.self, SmoothPredict.self, SmoothSample.self])
}
