#include "runtime/executor.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "runtime/cpu_allocator.h"
#include "runtime/thread_cores.h"

namespace kappa {

Executor& Executor::instance() {
  static auto* executor = new Executor([]() noexcept { ThreadCores::instance().after_job(); },
                                       []() noexcept {
                                         ThreadCores::instance().release();
                                         release_cpu_memory();
                                       });
  return *executor;
}

Executor& Executor::background() {
  static auto* executor = new Executor();
  return *executor;
}

void Executor::retain() {
  std::lock_guard lifetime(lifetime_mutex_);
  if (users_ == 0) {
    std::unique_lock lock(mutex_);
    active_ = !exiting_;
    // A thread that was left behind with its job serves again.
    if (active_ && !alive_) {
      if (thread_.joinable()) thread_.join();
      alive_ = true;
      try {
        thread_ = std::thread([this] { loop(); });
      } catch (...) {
        alive_ = active_ = false;
        throw;
      }
    }
  }
  ++users_;
}

void Executor::release() {
  std::lock_guard lifetime(lifetime_mutex_);
  if (--users_ > 0) return;
  {
    std::unique_lock lock(mutex_);
    active_ = false;
    wake_.notify_all();
    idle_.wait_for(lock, patience, [this] { return !alive_ || given_up_; });
    if (alive_) return;
  }
  if (thread_.joinable()) thread_.join();
}

void Executor::submit(std::unique_ptr<Job> job) {
  {
    std::lock_guard lock(mutex_);
    if (!active_) return;
    queue_.push_back({std::move(job)});
  }
  wake_.notify_one();
}

void Executor::abort(const void* owner, const std::string& reason) {
  std::lock_guard lock(mutex_);
  for (Waiting& waiting : queue_) {
    if (waiting.job->owner() == owner && !waiting.abort_reason) waiting.abort_reason = reason;
  }
  if (running_ != owner || abort_reason_) return;
  abort_reason_ = reason;
  // Under the lock: the job cannot end, nor another begin, before it has been woken.
  if (abortable_ != nullptr) abortable_->wake_(reason);
}

Abortable::Abortable(Wake wake) : wake_(std::move(wake)) {
  Executor& executor = Executor::instance();
  std::lock_guard lock(executor.mutex_);
  executor.abortable_ = this;
  if (executor.abort_reason_) wake_(*executor.abort_reason_);
}

Abortable::~Abortable() {
  Executor& executor = Executor::instance();
  std::lock_guard lock(executor.mutex_);
  executor.abortable_ = nullptr;
}

void Executor::cancel(const void* owner) {
  std::vector<Waiting> dropped;  // destroyed outside the lock
  std::lock_guard lock(mutex_);
  auto keep_end = std::stable_partition(queue_.begin(), queue_.end(), [owner](const Waiting& waiting) {
    return waiting.job->owner() != owner;
  });
  std::move(keep_end, queue_.end(), std::back_inserter(dropped));
  queue_.erase(keep_end, queue_.end());
}

bool Executor::await(const void* owner, Deadline until) {
  std::unique_lock lock(mutex_);
  const auto ended = [this, owner] { return running_ != owner; };
  if (!until) idle_.wait(lock, ended);
  if (!until || idle_.wait_until(lock, *until, ended)) return true;
  given_up_ = true;
  return false;
}

bool Executor::shut_down(Deadline until) {
  {
    std::unique_lock lock(mutex_);
    exiting_ = true;
    active_ = false;
    wake_.notify_all();
    // A library that gives up may end the process from within a job.
    if (alive_ && std::this_thread::get_id() == thread_.get_id()) return false;
    if (until) {
      idle_.wait_until(lock, *until, [this] { return !alive_ || given_up_; });
    } else {
      idle_.wait(lock, [this] { return !alive_; });
    }
    if (alive_) return false;
  }
  std::lock_guard lifetime(lifetime_mutex_);
  if (thread_.joinable()) thread_.join();
  return true;
}

void Executor::loop() {
  std::unique_lock lock(mutex_);
  const auto has_work = [this] { return !active_ || !queue_.empty(); };
  for (;;) {
    if (at_rest_ != nullptr && !wake_.wait_for(lock, rest, has_work)) {
      lock.unlock();
      at_rest_();
      lock.lock();
    }
    wake_.wait(lock, has_work);
    // What waits when the process ends stays where it is: to destroy it would be work, too.
    if (queue_.empty() || exiting_) break;
    Waiting next = std::move(queue_.front());
    queue_.pop_front();
    running_ = next.job->owner();
    lock.unlock();
    if (next.abort_reason) {
      next.job->refuse(*next.abort_reason);
    } else {
      next.job->run();
    }
    next.job.reset();
    if (after_job_ != nullptr) after_job_();
    lock.lock();
    running_ = nullptr;
    abort_reason_.reset();
    given_up_ = false;
    idle_.notify_all();
  }
  alive_ = false;
  idle_.notify_all();
}

}  // namespace kappa
