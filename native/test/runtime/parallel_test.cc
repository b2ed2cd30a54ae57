#include "runtime/parallel.h"

#include <mutex>
#include <set>
#include <thread>

#include "runtime/error.h"
#include "test/test.h"

namespace kappa {
namespace {

/// The threads that take part in a loop, and the sum of what they were given.
std::pair<std::set<std::thread::id>, int64_t> run_loop(int64_t count, int64_t grain) {
  std::mutex mutex;
  std::set<std::thread::id> threads;
  int64_t sum = 0;
  parallel_for(0, count, grain, [&](int64_t begin, int64_t end) {
    std::lock_guard lock(mutex);
    threads.insert(std::this_thread::get_id());
    for (int64_t i = begin; i < end; ++i) sum += i;
  });
  return {threads, sum};
}

/// Sets LibTorch's threads for a test.
class Threads {
 public:
  explicit Threads(int threads) : before_(at::get_num_threads()) { at::set_num_threads(threads); }
  ~Threads() { at::set_num_threads(before_); }

 private:
  int before_;
};

}  // namespace

TEST("a parallel loop runs on as many threads as LibTorch is told, whatever compiled it") {
  for (const int threads : {1, 2, 3}) {
    Threads given(threads);
    const auto [used, sum] = run_loop(3000, 1);
    EXPECT(used.size() == static_cast<size_t>(threads) && sum == 4498500);
  }
}

TEST("a parallel loop keeps to its grain, and runs alone within another one") {
  Threads given(3);
  EXPECT(run_loop(2000, 1000).first.size() == 2);
  EXPECT(run_loop(1000, 1000).first.size() == 1);
  EXPECT(run_loop(0, 1).first.empty());
  parallel_for(0, 3, 1, [](int64_t, int64_t) { EXPECT(run_loop(3000, 1).first.size() == 1); });
}

TEST("an error within a parallel loop arrives where the loop was called") {
  Threads given(2);
  EXPECT_ERROR(
      parallel_for(0, 2, 1, [](int64_t begin, int64_t) { require(begin == 0, "ERR_SHAPE", "the second"); }),
      "ERR_SHAPE");
}

}  // namespace kappa
