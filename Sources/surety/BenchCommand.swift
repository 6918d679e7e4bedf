import ArgumentParser

struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure the throughput of devices on the same work: noisy samples, or bound passes.",
    subcommands: [BenchSmooth.self, BenchBounds.self])
}
