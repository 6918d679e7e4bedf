// The last convolution of a residual block together with the convolution on its shortcut, as one matrix product.

import Compute
import Tensors

/// output = act(bias + main filter * input + shortcut bias + shortcut filter * shortcut input), both windows one pixel, the
/// shortcut's strided: the sum over k of the main convolution goes on over the shortcut's channels.
///
/// The shortcut's result is neither stored nor rounded, so in 16 bits the block is a little more exact than its steps.
struct ConvolveWithShortcut: DeviceFusedPrimitive {
  static var name: String { "convolve_with_shortcut" }
  let shortcut: Convolve
  let main: Convolve

  var parts: [any Primitive] { [shortcut, main] }

  func isTaken(_ list: CommandList, on traits: DeviceTraits) -> Bool {
    guard traits.usesTiles, let problem = try? problem(list) else { return false }
    return !problem.pipelinedTiles(traits).isEmpty || !problem.tensorTiles(traits).isEmpty
  }

  func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch] {
    guard let launches = try problem(list).launches(traits) else {
      throw ShapeError("\(Self.name) has no kernel for \(list.spell(main.input)) and \(list.spell(shortcut.input))")
    }
    return launches
  }

  private func problem(_ list: CommandList) throws(ShapeError) -> DenseConvolution {
    let shape = list[shortcut.input].shape
    var problem = try main.denseConvolution(list)
    problem.residual = .none
    problem.bias = try sum(list, main.bias, shortcut.bias)
    problem.second = DenseConvolution.Second(
      input: .value(shortcut.input), filter: try list.constantFloats(shortcut.filter, step: Self.name),
      height: shape[1], width: shape[2], channels: shape[3], stride: shortcut.window.strideRows)
    return problem
  }

  /// Both biases, rounded once.
  private func sum(_ list: CommandList, _ first: Value?, _ second: Value?) throws(ShapeError) -> Tensor? {
    guard let first else { return try second.map { (value) throws(ShapeError) in try bias(list, value) } }
    guard let second else { return try bias(list, first) }
    let (x, y) = (try bias(list, first).floats, try bias(list, second).floats)
    return Tensor(shape: [x.count], floats: zip(x, y).map { Float(Double($0) + Double($1)) })
  }

  private func bias(_ list: CommandList, _ value: Value) throws(ShapeError) -> Tensor {
    try list.constantFloats(value, step: Self.name)
  }
}

extension FusionRule {
  /// A convolution of one pixel whose residual is made by another one for it alone.
  static let shortcut = FusionRule { uses, last in
    let list = uses.list
    guard let main = list.steps[last] as? Convolve, main.groups == 1, main.window.isPoint, let residual = main.residual,
      let first = uses.maker(of: residual, for: last), let shortcut = list.steps[first] as? Convolve,
      shortcut.groups == 1, shortcut.output == residual, shortcut.residual == nil, shortcut.activation == .none,
      shortcut.window.isUniform, shortcut.input != main.input,
      shortcut.window
        == Window(
          rows: 1, columns: 1, strideRows: shortcut.window.strideRows, strideColumns: shortcut.window.strideColumns),
      uses.isUnchanged(shortcut.input, from: first, to: last)
    else { return nil }
    return ([first, last], ConvolveWithShortcut(shortcut: shortcut, main: main))
  }
}
