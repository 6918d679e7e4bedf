import Compute
import Tensors

/// Draws noisy copies of images and writes what the model eats.
///
/// Sample s of an image X in {0..255}^d under key and stream takes, for pixel p in storage order, the 64-bit word
/// u = word[2(p&1)+1] * 2^32 + word[2(p&1)] of Philox4x32-10 with counter (p >> 1, s low, s high, stream), and
///   z = #{j : u >= T_j} - M,   y = clamp(X_p + z, lowest, highest),   model input = lookup[channel][y - lowest]
/// (reference/soundness.md 2.2, 2.4). Integers only up to the table look-up, so every device gives the same bits.
/// For real-valued images (float32) the input is fma(z, step, X_p) instead, and there is no clamp and no look-up.
///
/// Values: images [slots, d], uint8 or float32; requests uint32 [N, 8] = (image slot, key 0, key 1, sample low,
/// sample high, stream, 0, 0); output [N, ...] with modelCount elements per sample, float32 or bfloat16 (rounded to
/// nearest even after the look-up).
public struct AddNoise: Primitive {
  public static var name: String { "add_noise" }
  public let images: Value
  public let requests: Value
  public let output: Value
  public let law: NoiseLaw
  public let placement: Placement

  public init(images: Value, requests: Value, output: Value, law: NoiseLaw, placement: Placement) {
    self.images = images
    self.requests = requests
    self.output = output
    self.law = law
    self.placement = placement
  }

  public var reads: [Value] { [images, requests] }
  public var writes: [Value] { [output] }

  /// The number of 32-bit words in one request.
  public static var requestWords: Int { 8 }

  /// The table of the noise and what becomes of a noisy pixel.
  public struct NoiseLaw: Sendable {
    /// T_j ascending, without entries equal to 2^64, which no word reaches (uint64 [count]).
    public var thresholds: Tensor
    /// guide[u >> 48] = #{j : T_j <= (u >> 48) << 48}: where a linear search may start (int32 [65536]).
    public var guide: Tensor
    /// M: the noise of a word is its count of thresholds minus this.
    public var center: Int
    /// The least and greatest integer that a noisy pixel is clamped to.
    public var lowest: Int
    public var highest: Int
    /// float32 [model channels, highest - lowest + 1]; nil for real-valued images.
    public var lookup: Tensor?
    /// The size of one noise step for real-valued images.
    public var step: Float

    public init(
      thresholds: Tensor, guide: Tensor, center: Int, lowest: Int, highest: Int, lookup: Tensor?, step: Float
    ) {
      self.thresholds = thresholds
      self.guide = guide
      self.center = center
      self.lowest = lowest
      self.highest = highest
      self.lookup = lookup
      self.step = step
    }
  }

  /// Where a pixel of the stored image (row, column, channel; row-major) stands in the model's input.
  public struct Placement: Sendable, Hashable {
    public var height: Int
    public var width: Int
    public var channels: Int
    /// modelIndex = row * rowStride + column * columnStride + modelChannel * channelStride
    public var rowStride: Int
    public var columnStride: Int
    public var channelStride: Int
    /// The model channel that eats storage channel c.
    public var modelChannel: [Int]

    public init(
      height: Int, width: Int, channels: Int, rowStride: Int, columnStride: Int, channelStride: Int,
      modelChannel: [Int]
    ) {
      self.height = height
      self.width = width
      self.channels = channels
      self.rowStride = rowStride
      self.columnStride = columnStride
      self.channelStride = channelStride
      self.modelChannel = modelChannel
    }
  }
}
