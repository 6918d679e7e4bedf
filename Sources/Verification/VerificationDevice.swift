// A device beside the CPU, opened when an engine first needs it and kept from one property to the next, since building
// kernels takes seconds.

import Compute
import DeviceBounds
import Synchronization

/// The device that searches may run on.
public final class VerificationDevice: Sendable {
  /// True: the user named it, so that searches begin on it. False: searches begin on the CPU and the longer ones move
  /// once the device is found.
  let isChosen: Bool
  private let find: @Sendable () throws -> (any Device)?
  private let state: Mutex<State>

  /// The engines that stay with the device.
  struct Engines: Sendable {
    let device: any Device
    let inputSearch: DeviceInputSearch
  }

  private enum State {
    case unknown, looking, absent
    case open(Engines)
  }

  /// A device that the user named.
  public init(_ device: any Device) {
    isChosen = true
    find = { device }
    state = Mutex(.open(Engines(device: device, inputSearch: DeviceInputSearch(device: device))))
  }

  /// A device that may turn out to be there; `find` is called once at most, beside a search that has taken a while.
  public init(find: @escaping @Sendable () throws -> (any Device)?) {
    isChosen = false
    self.find = find
    state = Mutex(.unknown)
  }

  /// The open device's name, for engine names and records.
  public var name: String? {
    state.withLock { if case .open(let engines) = $0 { engines.device.identity.name } else { nil } }
  }

  /// Whether the device is open; the first call begins to look for one.
  func isReady() -> Bool {
    let begins = state.withLock {
      if case .unknown = $0 {
        $0 = .looking
        return true
      }
      return false
    }
    if begins {
      Task.detached { [self] in
        let device = try? find()
        let engines = device.map { Engines(device: $0, inputSearch: DeviceInputSearch(device: $0)) }
        state.withLock { $0 = engines.map(State.open) ?? .absent }
      }
    }
    return state.withLock { if case .open = $0 { true } else { false } }
  }

  /// The engines of the open device.
  func engines() throws(DeviceError) -> Engines {
    let open: Engines? = state.withLock { if case .open(let engines) = $0 { engines } else { nil } }
    guard let open else { throw .unavailable("no device for the search was found") }
    return open
  }
}
