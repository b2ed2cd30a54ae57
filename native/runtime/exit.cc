#include "runtime/exit.h"

#include <cstdio>
#include <cstdlib>

#include "runtime/executor.h"

#if defined(__linux__)
#include <sys/syscall.h>
#endif
#ifdef __APPLE__
#include <pthread.h>
#endif
#ifndef _WIN32
#include <unistd.h>
#endif

namespace kappa {
namespace {

#ifndef _WIN32
/// Stops both threads; returns whether they are gone.
bool shut_down(Executor::Deadline until) {
  const bool background_is_gone = Executor::background().shut_down(until);
  return Executor::instance().shut_down(until) && background_is_gone;
}
#endif

#if defined(__GLIBC__)

void stop(int status, void*) noexcept {
  if (shut_down(Executor::soon())) return;
  std::fflush(nullptr);
  _exit(status);
}

// Handlers run in reverse order.
void come_first() noexcept {
  if (on_exit(&stop, nullptr) != 0) shut_down(/*until=*/std::nullopt);
}

#elif !defined(_WIN32)

// Only glibc tells the exit code; elsewhere the jobs are waited for.
void stop() noexcept { shut_down(/*until=*/std::nullopt); }

void come_first() noexcept { std::atexit(&stop); }

#endif

#ifdef __linux__
bool is_main_thread() { return syscall(SYS_gettid) == getpid(); }
#elif defined(__APPLE__)
bool is_main_thread() { return pthread_main_np() != 0; }
#endif

#if defined(__linux__) || defined(__APPLE__)
// `exit()` destroys the objects of its thread before all others. Handlers registered when the addon is loaded
// would come too late: what LibTorch has made since, at the first use of something, is destroyed before they
// run.
class Guard {
 public:
  Guard() = default;
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard() { come_first(); }
};
#endif

}  // namespace

void guard_exit() {
  // Windows ends the other threads before it destroys anything.
#ifndef _WIN32
  come_first();
#endif
#if defined(__linux__) || defined(__APPLE__)
  if (!is_main_thread()) return;
  static thread_local Guard guard;
#endif
}

}  // namespace kappa
