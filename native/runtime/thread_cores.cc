#include "runtime/thread_cores.h"

#include <algorithm>

#ifdef __linux__
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <system_error>
#include <utility>

#include "runtime/parallel.h"
#endif

namespace kappa {

bool CoreRule::decide(const std::vector<ThreadUse>& uses) {
  double waited = 0;
  double helped = 0;
  for (size_t i = 0; i < uses.size(); i++) {
    waited = std::max(waited, uses[i].waited);
    if (i > 0) helped = std::max(helped, uses[i].ran);
  }
  if (!stays_) {
    stays_ = waited >= contended && helped >= takes_part;
    calm_windows_ = 0;
    return stays_;
  }
  calm_windows_ = waited < calm || helped < idle ? calm_windows_ + 1 : 0;
  if (calm_windows_ >= calm_windows) reset();
  return stays_;
}

ThreadCores& ThreadCores::instance() {
  // Never destroyed: the compute thread may outlive static objects.
  static auto* cores = new ThreadCores();
  return *cores;
}

#ifdef __linux__

namespace {

/// Nanoseconds that a thread may run before another of equal weight: the least that Linux grants. A thread
/// that waits for the others gives its turn back soon, and one that is woken gets its own sooner.
constexpr long long short_slice = 100'000;

/// What the system calls of Linux take; glibc declares them since 2.41 only.
struct SchedulingAttributes {
  uint32_t size = sizeof(SchedulingAttributes);
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;
  uint64_t deadline = 0;
  uint64_t period = 0;
};

/// Sets the length of a thread's turns, which Linux knows since 6.12 and ignores before; returns the one
/// before, or -1 where the thread is none of the ordinary ones.
long long set_slice(int thread, long long nanoseconds) {
  SchedulingAttributes attributes;
  if (syscall(SYS_sched_getattr, thread, &attributes, sizeof(attributes), 0U) != 0) return -1;
  if (attributes.policy != SCHED_OTHER) return -1;
  const auto before = static_cast<long long>(attributes.runtime);
  attributes.size = sizeof(attributes);
  attributes.runtime = static_cast<uint64_t>(nanoseconds);
  if (syscall(SYS_sched_setattr, thread, &attributes, 0U) != 0) return -1;
  return before;
}

/// The cores that a thread may use; none where the system does not tell.
std::vector<int> cores_of(int thread) {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cores;
  if (sched_getaffinity(thread, sizeof(set), &set) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; core++) {
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  }
  return cores;
}

bool set_cores(int thread, const std::vector<int>& cores) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int core : cores) CPU_SET(core, &set);
  return sched_setaffinity(thread, sizeof(set), &set) == 0;
}

int this_thread() { return static_cast<int>(syscall(SYS_gettid)); }

bool is_on(int thread, int core) { return cores_of(thread) == std::vector<int>{core}; }

/// Whether the user tells the OpenMP runtime where its threads run, which includes that they may run
/// anywhere.
bool user_chooses_cores() {
  constexpr const char* variables[] = {"OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY"};
  return std::any_of(std::begin(variables), std::end(variables),
                     [](const char* name) { return std::getenv(name) != nullptr; });
}

}  // namespace

ThreadCores::ThreadCores() : left_alone_(user_chooses_cores()) {}

/// Asks the threads of an operation who they are.
void ThreadCores::find_team() {
  std::vector<int> team(static_cast<size_t>(at::get_num_threads()), 0);
  parallel_for(0, static_cast<int64_t>(team.size()), 1, [&team](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) team[static_cast<size_t>(i)] = this_thread();
  });
  team_ = std::move(team);
}

/// What each thread of the team has run and waited; empty where the system does not tell.
std::vector<ThreadCores::Times> ThreadCores::read_times() const {
  std::vector<Times> times;
  for (const int thread : team_) {
    char text[128];
    std::snprintf(text, sizeof(text), "/proc/self/task/%d/schedstat", thread);
    std::FILE* file = std::fopen(text, "re");
    if (file == nullptr) return {};
    const char* end = text + std::fread(text, 1, sizeof(text), file);
    std::fclose(file);
    Times read;
    const auto ran = std::from_chars(text, end, read.ran);
    if (ran.ec != std::errc{} || ran.ptr == end) return {};
    if (std::from_chars(ran.ptr + 1, end, read.waited).ec != std::errc{}) return {};
    times.push_back(read);
  }
  return times;
}

bool ThreadCores::bind() {
  if (binds()) return true;
  if (left_alone_) return false;
  std::vector<int> cores = cores_of(this_thread());
  if (cores.size() < 2 || cores.size() != static_cast<size_t>(at::get_num_threads())) return false;
  find_team();
  if (team_[0] != this_thread()) return false;
  for (const int thread : team_) {
    if (cores_of(thread) != cores) return false;
  }
  cores_ = std::move(cores);
  for (size_t i = 0; i < team_.size(); i++) {
    if (!set_cores(team_[i], {cores_[i]})) {
      release();
      return false;
    }
    bound_.push_back({team_[i], cores_[i], set_slice(team_[i], short_slice)});
  }
  return true;
}

void ThreadCores::release() noexcept {
  for (const Bound& bound : bound_) {
    if (!is_on(bound.thread, bound.core)) continue;
    set_cores(bound.thread, cores_);
    if (bound.slice >= 0) set_slice(bound.thread, bound.slice);
  }
  bound_.clear();
  // Threads that are left alone wait for cores as they did, and nobody looks any more.
  if (!left_alone_) spinning_.reset();
  rule_.reset();
}

/// @returns whether threads spin shortly now
bool ThreadCores::spin_shortly() {
  if (!spinning_ && limits_spinning_) {
    const auto cores = static_cast<int>(cores_of(this_thread()).size());
    const int more = cores - static_cast<int>(team_.size()) + 1;
    // libgomp ends the process where the system refuses it a thread.
    if (more <= most_sleepers) spinning_.emplace(more);
  }
  return spinning_.has_value();
}

/// Where another has moved a thread, or the runtime has ended one, the threads are left alone from then on.
void ThreadCores::check_bound() {
  if (team_.front() != this_thread()) {
    // The last environment has ended since, and with it the compute thread; another has its place.
    bound_.clear();
    rule_.reset();
    return;
  }
  bool moved = false;
  bool ended = false;
  for (const Bound& bound : bound_) {
    if (is_on(bound.thread, bound.core)) continue;
    (cores_of(bound.thread).empty() ? ended : moved) = true;
  }
  left_alone_ = moved || ended;
  if (moved) {
    for (const Bound& bound : bound_) {
      if (bound.slice >= 0) set_slice(bound.thread, bound.slice);
    }
    bound_.clear();
  } else if (ended) {
    const int core = bound_.front().core;
    const std::vector<int> cores = cores_;
    release();
    // Those that took their places began on the core of the compute thread.
    find_team();
    for (const int thread : team_) {
      if (is_on(thread, core)) set_cores(thread, cores);
    }
  }
}

void ThreadCores::after_job() noexcept {
  if (left_alone_) return;
  const auto now = Clock::now();
  if (now - looked_ < window) return;
  try {
    look(now);
  } catch (...) {
    release();
    left_alone_ = true;
  }
  looked_ = now;
}

void ThreadCores::look(Clock::time_point now) {
  if (binds()) {
    check_bound();
    if (left_alone_) return;
  }
  const std::vector<Times> before = std::exchange(times_, {});
  if (team_.size() == static_cast<size_t>(at::get_num_threads())) times_ = read_times();
  if (times_.empty()) {
    // The first time, and where the number of threads is another.
    release();
    find_team();
    times_ = read_times();
    left_alone_ = times_.empty();
    return;
  }
  if (before.size() != times_.size()) return;
  const double passed = std::chrono::duration<double, std::nano>(now - looked_).count();
  std::vector<ThreadUse> uses;
  for (size_t i = 0; i < times_.size(); i++) {
    uses.push_back({static_cast<double>(times_[i].ran - before[i].ran) / passed,
                    static_cast<double>(times_[i].waited - before[i].waited) / passed});
  }
  if (!rule_.decide(uses)) {
    release();
  } else {
    // First, for it counts the cores that the compute thread may use.
    const bool spins = binds() || spin_shortly();
    if (!bind() && !spins) rule_.reset();
  }
}

#else

ThreadCores::ThreadCores() : left_alone_(true) {}
bool ThreadCores::bind() { return false; }
bool ThreadCores::spin_shortly() { return false; }
void ThreadCores::release() noexcept {}
void ThreadCores::after_job() noexcept {}

#endif

}  // namespace kappa
