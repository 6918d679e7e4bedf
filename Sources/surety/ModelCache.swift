import Networks

/// Models of a run, read once while they are in use: lists name the same few again and again.
final class ModelCache {
  private var models: [(path: String, model: LoadedModel, network: Network)] = []
  private let capacity = 8
  private let memory: Int

  /// Networks must fit in so many bytes each.
  init(memory: Int = .max) { self.memory = memory }

  /// The model of a path and its network, the latest ones from memory.
  func model(_ path: String) throws -> (LoadedModel, Network) {
    if let position = models.firstIndex(where: { $0.path == path }) {
      models.append(models.remove(at: position))
    } else {
      let model = try LoadedModel(path)
      models.append((path, model, try model.graph.network(memory: memory)))
      if models.count > capacity { models.removeFirst() }
    }
    return (models.last!.model, models.last!.network)
  }
}
