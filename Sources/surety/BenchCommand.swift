import ArgumentParser

struct BenchCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench",
    abstract: "Measure the throughput of devices and precisions on the same work, with an agreement check.",
    subcommands: [BenchSmooth.self])
}
