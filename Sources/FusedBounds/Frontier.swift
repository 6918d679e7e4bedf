// The open boxes of a search, in one ring of equal entries.

import Glibc

/// A double-ended queue of entries of a fixed number of 64-bit words. Amortised constant time at both ends.
struct Frontier: ~Copyable {
  let words: Int
  private(set) var count = 0
  private var first = 0
  private var capacity: Int
  private var storage: UnsafeMutablePointer<UInt64>

  init(words: Int, capacity: Int = 64) {
    self.words = words
    self.capacity = capacity
    storage = .allocate(capacity: words * capacity)
  }

  deinit { storage.deallocate() }

  /// Bytes that the ring holds.
  var bytes: Int { capacity * words * 8 }

  private func slot(_ index: Int) -> UnsafeMutablePointer<UInt64> {
    let place = first + index
    return storage + (place < capacity ? place : place - capacity) * words
  }

  /// Room for a new entry at the back.
  mutating func pushBack() -> UnsafeMutablePointer<UInt64> {
    growIfFull()
    count += 1
    return slot(count - 1)
  }

  mutating func pushFront(_ entry: UnsafePointer<UInt64>) {
    growIfFull()
    first = first == 0 ? capacity - 1 : first - 1
    count += 1
    slot(0).update(from: entry, count: words)
  }

  mutating func popFront(into entry: UnsafeMutablePointer<UInt64>) {
    entry.update(from: slot(0), count: words)
    first = first + 1 == capacity ? 0 : first + 1
    count -= 1
  }

  mutating func popBack(into entry: UnsafeMutablePointer<UInt64>) {
    entry.update(from: slot(count - 1), count: words)
    count -= 1
  }

  private mutating func growIfFull() {
    if count < capacity { return }
    let larger = UnsafeMutablePointer<UInt64>.allocate(capacity: words * capacity * 2)
    let ahead = capacity - first
    larger.update(from: storage + first * words, count: ahead * words)
    (larger + ahead * words).update(from: storage, count: first * words)
    storage.deallocate()
    storage = larger
    first = 0
    capacity *= 2
  }
}
