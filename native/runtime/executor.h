// One compute thread per process. All LibTorch work runs on it, in the order of the calls, like on a CUDA
// stream, so that the event loop never blocks and LibTorch keeps a single team of worker threads. A second
// thread of the same kind does what waits for a disk. It is our own: libuv's pool has four threads for all
// files, names and decoders of the process, and an environment cannot end before what it runs there has.
#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace kappa {

/// A piece of work for the thread of an executor.
class Job {
 public:
  virtual ~Job() = default;
  /// Runs on that thread. Must not throw.
  virtual void run() noexcept = 0;
  /// Takes the place of `run`, on that thread, where the job was aborted while it waited.
  virtual void refuse(const std::string& /*reason*/) noexcept {}
  /// Identifies the environment that may abort the job and whose end cancels it; null for jobs that must
  /// always run.
  virtual const void* owner() const noexcept { return nullptr; }
};

/// Lets the running job of the compute thread be woken while it waits for something that may never come. It
/// must not wait within `wake` itself, which is called at most once, on another thread or in the constructor,
/// and not after the destructor.
class Abortable {
 public:
  using Wake = std::function<void(const std::string& reason)>;
  explicit Abortable(Wake wake);
  ~Abortable();
  Abortable(const Abortable&) = delete;
  Abortable& operator=(const Abortable&) = delete;

 private:
  friend class Executor;
  Wake wake_;
};

class Executor {
 public:
  /// After so long without a job the memory that no tensor uses is given back to the system, and cores that
  /// the compute threads kept (thread_cores.h).
  static constexpr std::chrono::seconds rest{5};
  /// How long the end of an environment, or of the process, waits for the jobs that run, of both threads
  /// together. What takes longer is left alone: an environment ends without it, and the process ends without
  /// destructors (exit.h).
  static constexpr std::chrono::milliseconds patience{500};
  /// When waiting ends; none: when there is nothing left to wait for.
  using Deadline = std::optional<std::chrono::steady_clock::time_point>;
  static Deadline soon() { return std::chrono::steady_clock::now() + patience; }

  /// The compute thread. Executors are never destroyed: finalizers may come after everything else.
  static Executor& instance();
  /// The thread for what waits for a disk. It runs nothing that LibTorch would do in parallel, which would
  /// give it a second team of worker threads.
  static Executor& background();

  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// An environment begins to use the executor; the first one starts the thread.
  void retain();
  /// An environment has ended. The last one drains the queue and joins the thread, or leaves it to end after
  /// the job that it did not wait for.
  void release();

  /// Queues a job. Without a running thread (after the last environment) the job is destroyed unrun.
  void submit(std::unique_ptr<Job> job);
  /// Refuses the owner's waiting jobs and wakes its running one, if that is `Abortable`; any other goes on to
  /// its end. Jobs submitted later run as ever.
  void abort(const void* owner, const std::string& reason);
  /// Drops the owner's waiting jobs.
  void cancel(const void* owner);
  /// Waits for the owner's running job; returns whether it has ended.
  bool await(const void* owner, Deadline until);
  /// The process ends: no job begins any more. Waits for the running one (with a deadline not again where an
  /// environment has done so already); returns whether the thread is gone.
  bool shut_down(Deadline until);

 private:
  friend class Abortable;
  struct Waiting {
    std::unique_ptr<Job> job;
    std::optional<std::string> abort_reason = std::nullopt;
  };

  using Habit = void (*)() noexcept;
  /// @param after_job what the thread does after each job, if anything
  /// @param at_rest what it does after `rest` without a job
  explicit Executor(Habit after_job = nullptr, Habit at_rest = nullptr)
      : after_job_(after_job), at_rest_(at_rest) {}
  void loop();

  const Habit after_job_;
  const Habit at_rest_;

  std::mutex lifetime_mutex_;  // taken before mutex_
  int users_ = 0;
  std::thread thread_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::deque<Waiting> queue_;
  const void* running_ = nullptr;
  std::optional<std::string> abort_reason_;  // of the running job
  Abortable* abortable_ = nullptr;           // of the running job
  bool given_up_ = false;                    // somebody has waited long enough for the running job
  bool active_ = false;                      // jobs are taken
  bool alive_ = false;                       // the thread is in its loop
  bool exiting_ = false;                     // the process ends
};

}  // namespace kappa
