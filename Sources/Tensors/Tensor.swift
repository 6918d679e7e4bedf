/// Host tensors: a shape, an element type and immutable bytes in row-major order.
///
/// The bytes are aligned to 64, shared by reference and never written after `init`, so that weights of a hundred
/// megabytes travel between graph, command list and devices without a copy.
public struct Tensor: Sendable {
  /// The extent of each dimension, outermost first. The empty shape is a scalar.
  public let shape: [Int]
  public let type: ElementType
  private let storage: Storage

  /// The number of elements.
  public var count: Int { shape.reduce(1, *) }
  /// The number of bytes.
  public var byteCount: Int { count * type.size }
  /// Names the bytes: two tensors with equal identity hold the same memory.
  public var identity: ObjectIdentifier { ObjectIdentifier(storage) }

  /// Makes a tensor and lets `body` write its bytes, which start as zero.
  public init<E: Error>(
    shape: [Int], type: ElementType, writing body: (UnsafeMutableRawBufferPointer) throws(E) -> Void
  ) throws(E) {
    self.shape = shape
    self.type = type
    let storage = Storage(byteCount: shape.reduce(1, *) * type.size)
    try body(UnsafeMutableRawBufferPointer(start: storage.address, count: storage.byteCount))
    self.storage = storage
  }

  private init(shape: [Int], type: ElementType, storage: Storage) {
    self.shape = shape
    self.type = type
    self.storage = storage
  }

  /// A copy of an array of elements, whose Swift type must have the size that `type` says.
  public init<Element: BitwiseCopyable>(shape: [Int], type: ElementType, elements: [Element]) {
    precondition(MemoryLayout<Element>.size == type.size && elements.count == shape.reduce(1, *))
    self.init(shape: shape, type: type) { bytes in
      elements.withUnsafeBytes { bytes.copyMemory(from: $0) }
    }
  }

  /// A binary32 tensor.
  public init(shape: [Int], floats: [Float]) { self.init(shape: shape, type: .float32, elements: floats) }

  /// The same bytes under another shape of equal count.
  public func reshaped(_ shape: [Int]) -> Tensor {
    precondition(shape.reduce(1, *) == count)
    return Tensor(shape: shape, type: type, storage: storage)
  }

  /// Lends the bytes.
  public func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    try body(UnsafeRawBufferPointer(start: storage.address, count: byteCount))
  }

  /// Lends the elements as values of a Swift type of the same size.
  public func withElements<Element: BitwiseCopyable, R, E: Error>(
    as _: Element.Type, _ body: (UnsafeBufferPointer<Element>) throws(E) -> R
  ) throws(E) -> R {
    precondition(MemoryLayout<Element>.size == type.size)
    return try body(
      UnsafeBufferPointer(start: storage.address.assumingMemoryBound(to: Element.self), count: count))
  }

  /// The elements as an array of a Swift type of the same size.
  public func elements<Element: BitwiseCopyable>(as type: Element.Type) -> [Element] {
    withElements(as: type) { Array($0) }
  }

  /// The elements of a binary32 tensor.
  public var floats: [Float] {
    precondition(type == .float32)
    return elements(as: Float.self)
  }

  /// Memory with an owner; written only while a `Tensor` is made.
  private final class Storage: @unchecked Sendable {
    let address: UnsafeMutableRawPointer
    let byteCount: Int

    init(byteCount: Int) {
      self.byteCount = byteCount
      address = .allocate(byteCount: max(byteCount, 1), alignment: 64)
      address.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
    }

    deinit { address.deallocate() }
  }
}
