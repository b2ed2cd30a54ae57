// Beside other programs the compute threads stay on a core each. The threads of an operation take equal parts
// of it and wait for the last one; a thread that the system moves to a core where another of them already
// computes halves both, and every operation that sleeps and wakes gives it a new occasion. There they also
// spin shortly. Alone nothing is gained, and nothing is done: threads that the compute thread makes would
// have its core, too.
#pragma once
#include <atomic>
#include <chrono>
#include <optional>
#include <vector>

#include "runtime/short_spinning.h"

namespace kappa {

/// What a compute thread did in a window, as shares of the window.
struct ThreadUse {
  double ran;
  /// Could have run, but others had the core.
  double waited;
};

/// When threads are to stay on their cores, decided from one window to the next.
class CoreRule {
 public:
  /// The threads take part in operations, and one of them waits so much for its core.
  static constexpr double takes_part = 0.2;
  static constexpr double contended = 0.1;
  /// So many windows in a row in which no thread waits so much, or the others take no part, end it.
  static constexpr double calm = 0.03;
  static constexpr double idle = 0.05;
  static constexpr int calm_windows = 8;

  /// @param uses of the compute thread, which hands out the work, and of those that help it
  /// @returns whether they are to stay on their cores in the next window
  bool decide(const std::vector<ThreadUse>& uses);
  bool stays() const { return stays_; }
  void reset() { *this = CoreRule{}; }

 private:
  bool stays_ = false;
  int calm_windows_ = 0;
};

/// The cores of the compute threads. For the compute thread alone.
class ThreadCores {
 public:
  static constexpr std::chrono::milliseconds window{250};
  /// So many threads are made to sleep at most: with many free cores there are others to wait on.
  static constexpr int most_sleepers = 8;

  /// The first call reads the environment: it belongs on the thread that may change it.
  static ThreadCores& instance();
  ThreadCores();
  ~ThreadCores() { release(); }
  ThreadCores(const ThreadCores&) = delete;
  ThreadCores& operator=(const ThreadCores&) = delete;

  /// After a job. Once a window, looks at what the threads did and applies the rule.
  void after_job() noexcept;
  /// Gives each thread a core of its own and shorter turns on it, unless they are fewer than the cores that
  /// this process may use, or somebody else has chosen the cores of one of them.
  /// @returns whether they stay on their cores now
  bool bind();
  /// Gives the threads back what they had. To be called before there are more of them: a new one would begin
  /// with the core of the compute thread.
  void release() noexcept;
  bool binds() const { return !bound_.empty(); }
  /// Whether threads are to spin shortly where they wait for cores. From any thread.
  void limit_spinning(bool wanted) { limits_spinning_ = wanted; }
  bool spins_shortly() const { return spinning_.has_value(); }

 private:
  using Clock = std::chrono::steady_clock;

  /// Nanoseconds that a thread has run, and waited for a core.
  struct Times {
    long long ran = 0;
    long long waited = 0;
  };
  struct Bound {
    int thread;
    int core;
    long long slice;  // before
  };

  void look(Clock::time_point now);
  bool spin_shortly();
  void find_team();
  std::vector<Times> read_times() const;
  void check_bound();

  Clock::time_point looked_{};
  std::vector<int> team_;     // thread identifiers, the compute thread first
  std::vector<Times> times_;  // of the team, when it was last looked at
  std::vector<int> cores_;    // that the team could use before it was bound
  std::vector<Bound> bound_;
  std::optional<ShortSpinning> spinning_;
  std::atomic<bool> limits_spinning_{false};
  CoreRule rule_;
  bool left_alone_;  // somebody else chooses the cores, or the system does not tell what is to know
};

}  // namespace kappa
