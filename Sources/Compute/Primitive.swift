/// One device step: plain values, a definition and its fast paths.
///
/// `reference` is the definition, obvious and slow; `optimized` is a faster CPU path of the same function; `launches`
/// says how OpenCL computes it. The agreement table of `SelfTest` compares the three.
public protocol Primitive: Sendable {
  /// The name in messages, agreement tables and benchmarks, for example "convolve".
  static var name: String { get }
  /// The values that the step reads, and those that it writes entirely.
  var reads: [Value] { get }
  var writes: [Value] { get }
  /// An input whose memory the output may take over if this step is the input's last reader. The step must then
  /// give the right answer both when the two share memory and when they do not.
  var inPlace: (input: Value, output: Value)? { get }

  /// Checks shapes and types of all values.
  func validate(_ list: CommandList) throws(ShapeError)
  /// The definition, computed on the host.
  func reference(_ memory: HostMemory)
  /// A faster CPU path bound to shapes, constants and library objects, made once per prepared list and called from one
  /// thread at a time. `nil`: the reference is used.
  func optimized(_ context: CPUContext) throws -> CPUStep?
  /// The kernel launches that compute the step on an OpenCL device with the given traits.
  func launches(_ list: CommandList, _ traits: DeviceTraits) throws(ShapeError) -> [KernelLaunch]
}

extension Primitive {
  public var inPlace: (input: Value, output: Value)? { nil }
  public func optimized(_ context: CPUContext) throws -> CPUStep? { nil }
}

/// A prepared CPU step. It finds its operands in `HostMemory`, which moves between instances but not within one.
public typealias CPUStep = (HostMemory) -> Void

/// What a CPU step may know when it is prepared.
public struct CPUContext {
  public let list: CommandList
  /// Library objects and packed constants shared by the instances of one prepared list. Steps store what they made
  /// under a key of their own and find it again when a second instance is prepared.
  public let shared: SharedObjects
  /// Working memory of this instance, lent to one step at a time.
  public let scratch: Scratch

  public init(list: CommandList, shared: SharedObjects, scratch: Scratch = Scratch()) {
    self.list = list
    self.shared = shared
    self.scratch = scratch
  }
}

/// Working memory that the steps of one instance use one after the other. Steps reserve while they are prepared; the
/// memory is there, aligned to 64 bytes, when they run.
public final class Scratch {
  private var byteCount = 0
  private var memory: UnsafeMutableRawPointer?

  public init() {}

  /// Makes sure that at least this many bytes will be there.
  public func reserve(_ bytes: Int) {
    precondition(memory == nil, "scratch memory is reserved before its first use")
    byteCount = max(byteCount, bytes)
  }

  /// The memory; allocated on first use, valid for the life of this object.
  public var address: UnsafeMutableRawPointer {
    if let memory { return memory }
    let made = UnsafeMutableRawPointer.allocate(byteCount: max(byteCount, 64), alignment: 64)
    memory = made
    return made
  }

  deinit { memory?.deallocate() }
}

/// A keyed store for objects shared by several instances of one prepared list; used while preparing, from one thread.
public final class SharedObjects {
  private var objects: [String: AnyObject] = [:]

  public init() {}

  /// The object under `key`, made on first use.
  public func object<Object: AnyObject>(_ key: String, make: () throws -> Object) rethrows -> Object {
    if let found = objects[key] as? Object { return found }
    let made = try make()
    objects[key] = made
    return made
  }
}
