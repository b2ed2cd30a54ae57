#include "runtime/parallel.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "runtime/error.h"
#include "test/test.h"
#include "test/threads.h"

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

TEST("pieces are each taken once, by whoever is free, and their errors arrive") {
  for (const int threads : {1, 2, 3}) {
    Threads given(threads);
    std::mutex mutex;
    std::map<int64_t, int> taken;
    std::set<std::thread::id> who;
    parallel_pieces(100, [&](int64_t piece) {
      {
        std::lock_guard lock(mutex);
        ++taken[piece];
        who.insert(std::this_thread::get_id());
      }
      // The first takes as long as all others together.
      std::this_thread::sleep_for(std::chrono::microseconds(piece == 0 ? 20000 : 200));
    });
    EXPECT(taken.size() == 100 &&
           std::all_of(taken.begin(), taken.end(), [](auto& one) { return one.second == 1; }));
    EXPECT(who.size() == static_cast<size_t>(threads));
    EXPECT_ERROR(parallel_pieces(10, [](int64_t piece) { require(piece != 7, "ERR_SHAPE", "the seventh"); }),
                 "ERR_SHAPE");
  }
  parallel_pieces(0, [](int64_t) { EXPECT(false); });
}

TEST("what computes on its thread within a loop leaves the number of threads as it was") {
  Threads given(3);
  parallel_for(0, 3, 1, [](int64_t, int64_t) {
    compute_on_this_thread();
    EXPECT(at::get_num_threads() == 1);
  });
  EXPECT(at::get_num_threads() == 3 && run_loop(3000, 1).first.size() == 3);
  compute_on_this_thread();
  EXPECT(at::get_num_threads() == 3);
}

}  // namespace kappa
