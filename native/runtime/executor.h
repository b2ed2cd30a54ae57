// One compute thread per process. All LibTorch work runs on it, in the order of the calls, like on a CUDA
// stream, so that the event loop never blocks and LibTorch keeps a single team of worker threads.
#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

namespace kappa {

/// A piece of work for the compute thread.
class Job {
 public:
  virtual ~Job() = default;
  /// Runs on the compute thread. Must not throw.
  virtual void run() noexcept = 0;
  /// Identifies the environment whose end cancels the job; null for jobs that must always run.
  virtual const void* owner() const noexcept { return nullptr; }
};

class Executor {
 public:
  /// After so long without a job the memory that no tensor uses is given back to the system.
  static constexpr std::chrono::seconds rest{5};

  /// The executor of the process. It is never destroyed: finalizers may come after everything else.
  static Executor& instance();

  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  /// An environment begins to use the executor; the first one starts the thread.
  void retain();
  /// An environment has ended; the last one drains the queue and joins the thread.
  void release();

  /// Queues a job. Without a running thread (after the last environment) the job is destroyed unrun.
  void submit(std::unique_ptr<Job> job);
  /// Drops the owner's waiting jobs and waits for the running one.
  void cancel(const void* owner);

 private:
  Executor() = default;
  void loop();

  std::mutex lifetime_mutex_;
  int users_ = 0;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable idle_;
  std::deque<std::unique_ptr<Job>> queue_;
  const void* running_ = nullptr;
  bool active_ = false;
  std::thread thread_;
};

}  // namespace kappa
