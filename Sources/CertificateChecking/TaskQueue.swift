import Glibc

/// Subtrees that wait for a thread. A thread that finds none sleeps until there is one or all work is done.
final class TaskQueue: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var tasks: [WalkTask] = []
  private var running = 0
  private var isStopped = false
  private let threads: Int

  init(threads: Int) {
    self.threads = threads
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(changed, nil)
  }

  deinit {
    pthread_cond_destroy(changed)
    pthread_mutex_destroy(mutex)
    changed.deallocate()
    mutex.deallocate()
  }

  /// Whether more tasks would be welcome.
  var isHungry: Bool {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return tasks.count < 2 * threads
  }

  /// Whether a thread has rejected the proof.
  var hasStopped: Bool {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return isStopped
  }

  func push(_ task: WalkTask) {
    pthread_mutex_lock(mutex)
    tasks.append(task)
    pthread_cond_signal(changed)
    pthread_mutex_unlock(mutex)
  }

  /// The next task, or nil when nothing is left and nobody works.
  func pop() -> WalkTask? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while !isStopped {
      if let task = tasks.popLast() {
        running += 1
        return task
      }
      if running == 0 { break }
      pthread_cond_wait(changed, mutex)
    }
    return nil
  }

  func finished(stop: Bool) {
    pthread_mutex_lock(mutex)
    running -= 1
    if stop { isStopped = true }
    pthread_cond_broadcast(changed)
    pthread_mutex_unlock(mutex)
  }
}
