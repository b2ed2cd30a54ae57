#include "runtime/thread_cores.h"

#include <vector>

#include "test/test.h"

#ifdef __linux__
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <set>
#include <thread>

#include "runtime/parallel.h"
#include "runtime/short_spinning.h"
#include "test/threads.h"
#endif

using kappa::CoreRule;

TEST("threads stay on their cores where they wait for them, until nobody has waited for a while") {
  CoreRule rule;
  EXPECT(!rule.decide({{0.98, 0.01}, {0.93, 0.02}}));
  EXPECT(rule.decide({{0.53, 0.03}, {0.5, 0.4}}));
  const auto calm_but_for_the_last = [&] {
    bool stayed = true;
    for (int i = 1; i < CoreRule::calm_windows; i++)
      stayed = stayed && rule.decide({{0.98, 0.01}, {0.93, 0.0}});
    return stayed;
  };
  EXPECT(calm_but_for_the_last());
  EXPECT(rule.decide({{0.9, 0.05}, {0.9, 0.05}}));
  EXPECT(calm_but_for_the_last());
  EXPECT(!rule.decide({{0.98, 0.01}, {0.93, 0.0}}));
}

TEST("threads that take no part in operations are not kept on a core") {
  CoreRule rule;
  EXPECT(!rule.decide({{0.6, 0.4}, {0.01, 0.01}}));
  EXPECT(!rule.decide({{0.6, 0.4}}));
  EXPECT(rule.decide({{0.6, 0.4}, {0.3, 0.01}}));
  for (int i = 1; i < CoreRule::calm_windows; i++) EXPECT(rule.decide({{0.6, 0.4}, {0.01, 0.0}}));
  EXPECT(!rule.decide({{0.6, 0.4}, {0.01, 0.0}}));
}

#ifdef __linux__

namespace {

using kappa::ThreadCores;
using Mask = std::set<int>;

int this_thread() { return static_cast<int>(syscall(SYS_gettid)); }

Mask mask_of(int thread) {
  cpu_set_t set;
  CPU_ZERO(&set);
  Mask mask;
  if (sched_getaffinity(thread, sizeof(set), &set) != 0) return mask;
  for (int core = 0; core < CPU_SETSIZE; core++) {
    if (CPU_ISSET(core, &set)) mask.insert(core);
  }
  return mask;
}

bool set_mask(int thread, const Mask& mask) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int core : mask) CPU_SET(core, &set);
  return sched_setaffinity(thread, sizeof(set), &set) == 0;
}

/// The threads of an operation, this one first.
std::vector<int> team() {
  std::vector<int> threads(static_cast<size_t>(at::get_num_threads()));
  kappa::parallel_for(0, static_cast<int64_t>(threads.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) threads[static_cast<size_t>(i)] = this_thread();
  });
  return threads;
}

std::vector<Mask> masks_of(const std::vector<int>& threads) {
  std::vector<Mask> masks;
  for (const int thread : threads) masks.push_back(mask_of(thread));
  return masks;
}

/// Every core that this process may use, one each.
std::vector<Mask> one_each(const Mask& cores) {
  std::vector<Mask> masks;
  for (const int core : cores) masks.push_back({core});
  return masks;
}

/// As many threads as there are cores, whose masks are put back.
class FullTeam {
 public:
  FullTeam() : cores_(mask_of(0)), given_(static_cast<int>(cores_.size())), threads_(team()) {}
  ~FullTeam() {
    for (const int thread : team()) set_mask(thread, cores_);
  }
  FullTeam(const FullTeam&) = delete;
  FullTeam& operator=(const FullTeam&) = delete;

  /// With one core there is nothing to keep, and where the user has chosen nothing is done.
  bool may_be_bound() const { return cores_.size() > 1 && std::getenv("OMP_PROC_BIND") == nullptr; }
  const Mask& cores() const { return cores_; }
  const std::vector<int>& threads() const { return threads_; }
  std::vector<Mask> masks() const { return masks_of(threads_); }
  std::vector<Mask> free() const { return std::vector<Mask>(threads_.size(), cores_); }

 private:
  Mask cores_;
  kappa::Threads given_;
  std::vector<int> threads_;
};

/// Looks again after a window.
void look_again(ThreadCores& cores) {
  std::this_thread::sleep_for(ThreadCores::window);
  cores.after_job();
}

}  // namespace

TEST("compute threads that are bound have a core each, and get back what they had") {
  const FullTeam team;
  if (!team.may_be_bound()) return;
  ThreadCores cores;
  EXPECT(cores.bind() && cores.binds());
  EXPECT(team.masks() == one_each(team.cores()));
  EXPECT(cores.bind());
  cores.release();
  EXPECT(!cores.binds() && team.masks() == team.free());
}

TEST("fewer compute threads than cores, and threads whose cores somebody has chosen, are not bound") {
  const FullTeam team;
  if (!team.may_be_bound()) return;
  ThreadCores cores;
  {
    const kappa::Threads fewer(static_cast<int>(team.cores().size()) - 1);
    EXPECT(!cores.bind());
  }
  EXPECT(team.masks() == team.free());
  const Mask chosen{*team.cores().begin()};
  set_mask(team.threads().back(), chosen);
  EXPECT(!cores.bind());
  EXPECT(mask_of(0) == team.cores() && mask_of(team.threads().back()) == chosen);
}

TEST("what somebody else does with the cores of bound threads stays") {
  const FullTeam team;
  if (!team.may_be_bound()) return;
  ThreadCores cores;
  EXPECT(cores.bind());
  const Mask chosen{*team.cores().begin()};
  for (const int thread : team.threads()) set_mask(thread, chosen);
  look_again(cores);
  EXPECT(!cores.binds() && team.masks() == std::vector<Mask>(team.threads().size(), chosen));
  for (const int thread : team.threads()) set_mask(thread, team.cores());
  EXPECT(!cores.bind() && team.masks() == team.free());
}

#ifdef _OPENMP
TEST("threads that the runtime ends and begins anew do not stay on the core of the one that began them") {
  const FullTeam team;
  if (!team.may_be_bound()) return;
  ThreadCores cores;
  EXPECT(cores.bind());
  EXPECT(omp_pause_resource_all(omp_pause_soft) == 0);
  const std::vector<int> anew = ::team();
  EXPECT(mask_of(anew.back()) == mask_of(0) && mask_of(0).size() == 1);
  look_again(cores);
  EXPECT(!cores.binds() && ::team() == anew);
  EXPECT(masks_of(anew) == team.free());
  EXPECT(!cores.bind());
}
#endif

TEST("a compute thread that takes the place of another has its own threads bound") {
  const FullTeam team;
  if (!team.may_be_bound()) return;
  ThreadCores cores;
  const auto on_a_thread = [](auto body) { std::thread(body).join(); };
  bool bound = false;
  on_a_thread([&] {
    const kappa::Threads given(static_cast<int>(team.threads().size()));
    bound = cores.bind();
  });
  EXPECT(bound);
  std::vector<Mask> masks;
  on_a_thread([&] {
    const kappa::Threads given(static_cast<int>(team.threads().size()));
    look_again(cores);
    bound = cores.binds();
    if (!bound && cores.bind()) masks = masks_of(::team());
  });
  EXPECT(!bound && masks == one_each(team.cores()));
}

namespace {

/// Shares work among threads until so many busy ones beside them have been noticed, a minute at most.
/// @returns false where the system does not tell what is to know
bool compute_beside_busy_threads(ThreadCores& cores, size_t count, bool (ThreadCores::*noticed)() const) {
  std::FILE* statistics = std::fopen("/proc/self/schedstat", "re");
  if (statistics == nullptr) return false;
  std::fclose(statistics);
  std::atomic<bool> over{false};
  std::vector<std::thread> busy;
  for (size_t i = 0; i < count; i++) {
    busy.emplace_back([&over] {
      while (!over) {
      }
    });
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (!(cores.*noticed)() && std::chrono::steady_clock::now() < end) {
    // What a job does: work that all threads share.
    kappa::parallel_for(0, at::get_num_threads(), 1, [](int64_t, int64_t) {
      const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(1);
      while (std::chrono::steady_clock::now() < until) {
      }
    });
    cores.after_job();
  }
  over = true;
  for (std::thread& thread : busy) thread.join();
  return true;
}

}  // namespace

TEST(
    "beside busy threads the compute threads come to stay on their cores, and spin shortly where that is "
    "wanted") {
  const FullTeam team;
  if (!team.may_be_bound()) return;
  for (const bool wanted : {false, true}) {
    ThreadCores cores;
    cores.limit_spinning(wanted);
    if (!compute_beside_busy_threads(cores, team.cores().size(), &ThreadCores::binds)) return;
    EXPECT(cores.binds() && cores.spins_shortly() == wanted);
    EXPECT(team.masks() == one_each(team.cores()));
    cores.release();
    EXPECT(!cores.spins_shortly() && team.masks() == team.free());
  }
}

TEST("fewer compute threads than cores spin shortly beside busy threads, and are not bound") {
  const FullTeam team;
  if (!team.may_be_bound() || team.cores().size() < 3) return;
  const kappa::Threads fewer(static_cast<int>(team.cores().size()) - 1);
  ThreadCores cores;
  cores.limit_spinning(true);
  if (!compute_beside_busy_threads(cores, 2 * team.cores().size(), &ThreadCores::spins_shortly)) return;
  EXPECT(cores.spins_shortly() && !cores.binds());
}

TEST("a team that sleeps has as many threads as are wanted more, and ends with what made it") {
  const auto threads = [] {
    // Those that have ended may still be listed for a moment.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    return std::distance(begin(tasks), end(tasks));
  };
  const auto wait_for = [&](std::ptrdiff_t count) {
    for (int i = 0; i < 500 && threads() != count; i++) {
    }
    return threads() == count;
  };
  const std::ptrdiff_t before = threads();
  {
    const kappa::ShortSpinning more(3);
    // The one that made the team, too.
    EXPECT(wait_for(before + 4));
  }
  EXPECT(wait_for(before));
}

#endif
