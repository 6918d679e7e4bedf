import Graphs
import Testing

/// Memory orders: what a transpose or reshape of them means, by counting.
@Suite struct LayoutTests {
  @Test func flatteningChannelsLastImagesPermutesTheNextMatrix() {
    // Logical [C, H, W] = [2, 2, 2] kept as [H, W, C]: element c 4 + h 2 + w stands at h 4 + w 2 + c.
    let image = Layout.channelsLast([1, 2, 2, 2])
    #expect(image.reshaped([1, 8])?.indices() == [0, 2, 4, 6, 1, 3, 5, 7])
  }

  @Test func transposingTwiceGivesTheSameOrder() {
    let layout = Layout.dense([2, 3, 4])
    #expect(layout.transposed([2, 0, 1]).transposed([1, 2, 0]) == layout)
    #expect(layout.transposed([0, 2, 1]).shape == [2, 4, 3])
    #expect(layout.transposed([0, 2, 1]).indices().sorted() == Array(0..<24))
  }

  @Test func equalOrdersCompareEqual() {
    // One channel or one pixel: channels-last is row-major.
    #expect(Layout.channelsLast([3, 1, 4, 5]) == .dense([3, 1, 4, 5]))
    #expect(Layout.channelsLast([3, 6, 1, 1]) == .dense([3, 6, 1, 1]))
    #expect(Layout.dense([6, 4]).reshaped([2, 3, 4]) == .dense([2, 3, 4]))
  }

  @Test func splitsThatInterleaveAreRefused() {
    // Columns of a transposed [2, 3] cannot be cut into twos without moving.
    #expect(Layout.dense([2, 3]).transposed([1, 0]).reshaped([2, 3]) == nil)
  }
}
