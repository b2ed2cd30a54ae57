#include "runtime/executor.h"

#include <condition_variable>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "test/test.h"

using kappa::Abortable;
using kappa::Executor;
using kappa::Job;

namespace {

/// Notes how it ended.
class NotingJob : public Job {
 public:
  NotingJob(const void* owner, std::function<void()> work) : owner_(owner), work_(std::move(work)) {}
  std::future<std::string> ending() { return ending_.get_future(); }
  void run() noexcept override {
    try {
      work_();
      ending_.set_value("ran");
    } catch (const std::exception& error) {
      ending_.set_value(error.what());
    }
  }
  void refuse(const std::string& reason) noexcept override { ending_.set_value("refused: " + reason); }
  const void* owner() const noexcept override { return owner_; }

 private:
  const void* owner_;
  std::function<void()> work_;
  std::promise<std::string> ending_;
};

/// The executor with its thread, as an environment has it.
struct User {
  User() { Executor::instance().retain(); }
  ~User() { Executor::instance().release(); }

  std::future<std::string> submit(const void* owner, std::function<void()> work) {
    auto job = std::make_unique<NotingJob>(owner, std::move(work));
    auto ending = job->ending();
    Executor::instance().submit(std::move(job));
    return ending;
  }
};

/// Something that never comes, as an answer of a rank that is gone.
class Lost {
 public:
  /// Waits for it until somebody aborts.
  void wait() {
    Abortable abortable([this](const std::string& reason) {
      std::lock_guard hold(mutex_);
      reason_ = reason;
      changed_.notify_all();
    });
    std::unique_lock lock(mutex_);
    waiting_.set_value();
    changed_.wait(lock, [this] { return !reason_.empty(); });
    throw std::runtime_error("woken: " + reason_);
  }
  void await_waiting() { waiting_.get_future().wait(); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string reason_;
  std::promise<void> waiting_;
};

}  // namespace

TEST("abort() wakes a job that waits, and refuses those of its owner behind it") {
  User user;
  const int ours = 0;
  const int theirs = 0;
  Lost lost;
  auto blocked = user.submit(&ours, [&lost] { lost.wait(); });
  auto behind = user.submit(&ours, [] {});
  auto other = user.submit(&theirs, [] {});
  auto release = user.submit(nullptr, [] {});
  lost.await_waiting();
  Executor::instance().abort(&theirs, "not meant");
  Executor::instance().abort(&ours, "a rank is gone");
  Executor::instance().abort(&ours, "twice");
  auto later = user.submit(&ours, [] {});
  EXPECT(blocked.get() == "woken: a rank is gone");
  EXPECT(behind.get() == "refused: a rank is gone");
  EXPECT(other.get() == "refused: not meant");
  EXPECT(release.get() == "ran");
  EXPECT(later.get() == "ran");
}

TEST("abort() that comes before a job waits wakes it as soon as it does") {
  User user;
  const int ours = 0;
  Lost lost;
  std::promise<void> started;
  std::promise<void> aborted;
  auto blocked = user.submit(&ours, [&] {
    started.set_value();
    aborted.get_future().wait();
    lost.wait();
  });
  started.get_future().wait();
  Executor::instance().abort(&ours, "early");
  aborted.set_value();
  EXPECT(blocked.get() == "woken: early");
  // The next job is not aborted with it.
  std::string reason = "none";
  auto next =
      user.submit(&ours, [&reason] { Abortable abortable([&](const std::string& why) { reason = why; }); });
  EXPECT(next.get() == "ran");
  EXPECT(reason == "none");
}

TEST("aborts from several threads meet jobs of several owners") {
  User user;
  const int owners[3] = {};
  std::vector<std::future<std::string>> endings;
  std::vector<std::thread> threads;
  for (const int& owner : owners) {
    threads.emplace_back([&owner] {
      for (int i = 0; i < 200; ++i) Executor::instance().abort(&owner, "stop");
    });
  }
  for (int i = 0; i < 300; ++i) {
    endings.push_back(user.submit(&owners[i % 3], [] { Abortable abortable([](const std::string&) {}); }));
  }
  for (std::thread& thread : threads) thread.join();
  for (auto& ending : endings) {
    const std::string how = ending.get();
    EXPECT(how == "ran" || how == "refused: stop");
  }
}

TEST("the background thread works while the compute thread is blocked, and the other way round") {
  User user;
  Executor& background = Executor::background();
  background.retain();
  const int ours = 0;
  std::promise<void> goes_on;
  const std::shared_future<void> gate(goes_on.get_future());
  const auto beside = [&](std::function<void()> work) {
    auto job = std::make_unique<NotingJob>(&ours, std::move(work));
    auto ending = job->ending();
    background.submit(std::move(job));
    return ending;
  };
  auto computing = user.submit(&ours, [gate] { gate.wait(); });
  EXPECT(beside([] {}).get() == "ran");
  goes_on.set_value();
  EXPECT(computing.get() == "ran");

  std::promise<void> disk;
  std::promise<void> started;
  auto writing = beside([&] {
    started.set_value();
    disk.get_future().wait();
  });
  started.get_future().wait();
  EXPECT(user.submit(&ours, [] {}).get() == "ran");
  // What is aborted is what computes: a file is written to its end.
  auto next = beside([] {});
  Executor::instance().abort(&ours, "a rank is gone");
  EXPECT(!background.await(&ours, std::chrono::steady_clock::now()));
  EXPECT(Executor::instance().await(&ours, std::nullopt));
  disk.set_value();
  EXPECT(background.await(&ours, std::nullopt));
  EXPECT(writing.get() == "ran");
  EXPECT(next.get() == "ran");
  background.release();
}
