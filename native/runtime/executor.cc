#include "runtime/executor.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "runtime/cpu_allocator.h"

namespace kappa {

Executor& Executor::instance() {
  static auto* executor = new Executor();
  return *executor;
}

void Executor::retain() {
  std::lock_guard lifetime(lifetime_mutex_);
  if (users_++ > 0) return;
  {
    std::lock_guard lock(mutex_);
    active_ = true;
  }
  thread_ = std::thread([this] { loop(); });
}

void Executor::release() {
  std::lock_guard lifetime(lifetime_mutex_);
  if (--users_ > 0) return;
  {
    std::lock_guard lock(mutex_);
    active_ = false;
  }
  wake_.notify_all();
  thread_.join();
}

void Executor::submit(std::unique_ptr<Job> job) {
  {
    std::lock_guard lock(mutex_);
    if (!active_) return;
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void Executor::cancel(const void* owner) {
  std::vector<std::unique_ptr<Job>> dropped;  // destroyed outside the lock
  std::unique_lock lock(mutex_);
  auto keep_end = std::stable_partition(queue_.begin(), queue_.end(),
                                        [owner](const auto& job) { return job->owner() != owner; });
  std::move(keep_end, queue_.end(), std::back_inserter(dropped));
  queue_.erase(keep_end, queue_.end());
  idle_.wait(lock, [this, owner] { return running_ != owner; });
}

void Executor::loop() {
  std::unique_lock lock(mutex_);
  const auto has_work = [this] { return !active_ || !queue_.empty(); };
  for (;;) {
    if (!wake_.wait_for(lock, rest, has_work)) {
      lock.unlock();
      release_cpu_memory();
      lock.lock();
      wake_.wait(lock, has_work);
    }
    if (queue_.empty()) return;
    std::unique_ptr<Job> job = std::move(queue_.front());
    queue_.pop_front();
    running_ = job->owner();
    lock.unlock();
    job->run();
    job.reset();
    lock.lock();
    running_ = nullptr;
    idle_.notify_all();
  }
}

}  // namespace kappa
