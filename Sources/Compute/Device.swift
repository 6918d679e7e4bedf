import Tensors

/// Something that runs command lists.
public protocol Device: AnyObject, Sendable {
  /// What ran: part of a classifier's identity.
  var identity: DeviceIdentity { get }
  /// The arithmetic that the device offers for a forward pass.
  var precisions: [Precision] { get }
  /// How many instances of a list keep the device busy: one per core on a CPU, one per queue on OpenCL.
  var concurrency: Int { get }
  /// Bytes of memory that lists may take.
  var memory: Int { get }

  /// Makes `instances` independent, runnable copies of a list; they share constants, not activations.
  func prepare(_ list: CommandList, instances: Int) async throws(DeviceError) -> [any PreparedList]
}

/// One runnable copy of a command list. Calls on one instance must not overlap; instances run at the same time.
public protocol PreparedList: AnyObject, Sendable {
  /// Copies bytes into an input or a state, from an offset in bytes.
  func write(_ bytes: UnsafeRawBufferPointer, to value: Value, offset: Int) throws(DeviceError)
  /// Runs all steps once and waits for them.
  func run() async throws(DeviceError)
  /// Copies the bytes of an input, an output or a state out.
  func read(_ value: Value) throws(DeviceError) -> [UInt8]
  /// Copies some of its bytes out.
  func read(_ value: Value, bytes: Range<Int>) throws(DeviceError) -> [UInt8]
  /// The names of the kernel tiles chosen for the steps that have a choice, in the order of the steps.
  var tiles: [String] { get }
}

extension PreparedList {
  public var tiles: [String] { [] }

  public func read(_ value: Value, bytes: Range<Int>) throws(DeviceError) -> [UInt8] { Array(try read(value)[bytes]) }

  public func write<Element: BitwiseCopyable>(_ elements: [Element], to value: Value) throws(DeviceError) {
    let result: Result<Void, DeviceError> = elements.withUnsafeBytes { bytes in
      do throws(DeviceError) { return .success(try write(bytes, to: value, offset: 0)) } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  public func read<Element: BitwiseCopyable>(_ value: Value, as _: Element.Type) throws(DeviceError) -> [Element] {
    let bytes = try read(value)
    return bytes.withUnsafeBytes { Array($0.bindMemory(to: Element.self)) }
  }

  /// The elements from `start` on, `count` of them.
  public func read<Element: BitwiseCopyable>(
    _ value: Value, as _: Element.Type, from start: Int, count: Int
  ) throws(DeviceError) -> [Element] {
    let size = MemoryLayout<Element>.size
    let bytes = try read(value, bytes: start * size..<(start + count) * size)
    return bytes.withUnsafeBytes { Array($0.bindMemory(to: Element.self)) }
  }

  /// Writes elements from the element `start` on.
  public func write<Element: BitwiseCopyable>(
    _ elements: [Element], to value: Value, from start: Int
  ) throws(DeviceError) {
    let result: Result<Void, DeviceError> = elements.withUnsafeBytes { bytes in
      do throws(DeviceError) {
        return .success(try write(bytes, to: value, offset: start * MemoryLayout<Element>.size))
      } catch { return .failure(error) }
    }
    try result.get()
  }
}

/// The arithmetic of a forward pass: part of the base classifier, named in every certificate.
public enum Precision: String, Sendable, Codable, CaseIterable {
  case float32
  case bfloat16
  case float16
  case int8

  /// The element type of activations; in int8, of those that are not kept as 8-bit levels.
  public var elementType: ElementType {
    switch self {
    case .float32, .int8: .float32
    case .bfloat16: .bfloat16
    case .float16: .float16
    }
  }
}

/// Names a device, its software and the kernel choice well enough to tell whether two runs used the same arithmetic.
public struct DeviceIdentity: Sendable, Hashable, Codable {
  /// "cpu" or "opencl".
  public var kind: String
  /// The processor's or device's own name.
  public var name: String
  /// The library or driver with its version, for example "oneDNN 2.6.3".
  public var software: String
  /// The effective instruction set of the CPU device, or the kernel variants of an OpenCL device.
  public var variant: String

  public init(kind: String, name: String, software: String, variant: String) {
    self.kind = kind
    self.name = name
    self.software = software
    self.variant = variant
  }
}

/// What a device may answer instead of a result; the text is a sentence for the user.
public enum DeviceError: Error, CustomStringConvertible, Sendable {
  case unavailable(String)
  case outOfMemory(String)
  case build(kernel: String, log: String)
  case call(function: String, status: String)
  case unsupported(String)

  public var description: String {
    switch self {
    case .unavailable(let text), .outOfMemory(let text), .unsupported(let text): text
    case .build(let kernel, let log): "the kernel \(kernel) does not build on this device; the compiler says:\n\(log)"
    case .call(let function, let status): "\(function) failed with \(status)"
    }
  }
}
