// What lets a prebuilt addon load where glibc and libstdc++ are older than those of the machine that it was
// built on: glibc 2.28 and the libstdc++ of GCC 8 (manylinux_2_28), as LibTorch asks for. The linker takes
// calls of the functions below to the one here (--wrap, with KAPPA_PORTABLE in CMakeLists.txt). What is new
// under an old name goes to the old version of it, what did not exist is written out. scripts/dev/symbols.js
// lists what a prebuilt addon needs, and refuses more.
#include <dlfcn.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <condition_variable>
#include <cstdint>
#include <ctime>
#include <mutex>

#if defined(__x86_64__)
#define OLDEST_GLIBC "GLIBC_2.2.5"
#elif defined(__aarch64__)
#define OLDEST_GLIBC "GLIBC_2.17"
#else
#error "Which version of glibc was this processor's first?"
#endif

#define CONDITION_WAIT _ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE
#define FUTEX_WAIT_STEADY \
  _ZNSt28__atomic_futex_unsigned_base26_M_futex_wait_until_steadyEPjjbNSt6chrono8durationIlSt5ratioILl1ELl1EEEENS2_IlS3_ILl1ELl1000000000EEEE

#define JOINED(a, b) a##b
#define WRAPPED_(name) JOINED(__wrap_, name)
#define WRAPPED(name) WRAPPED_(name)

__asm__(".symver old_exp, exp@" OLDEST_GLIBC);
__asm__(".symver old_log, log@" OLDEST_GLIBC);
__asm__(".symver old_pow, pow@" OLDEST_GLIBC);
__asm__(".symver old_dladdr, dladdr@" OLDEST_GLIBC);
__asm__(".symver old_pthread_once, pthread_once@" OLDEST_GLIBC);
__asm__(
    ".symver old_condition_wait, _ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE@GLIBCXX_3.4.11");

extern "C" {

double old_exp(double);
double old_log(double);
double old_pow(double, double);
int old_dladdr(const void*, Dl_info*);
int old_pthread_once(pthread_once_t*, void (*)());
void old_condition_wait(std::condition_variable*, std::unique_lock<std::mutex>*);

// Of these three glibc 2.29 has a version that leaves errno to the compiler; the results are the same.
double __wrap_exp(double x) { return old_exp(x); }
double __wrap_log(double x) { return old_log(x); }
double __wrap_pow(double x, double y) { return old_pow(x, y); }

// These moved into libc.so with glibc 2.34.
int __wrap_dladdr(const void* address, Dl_info* info) { return old_dladdr(address, info); }
int __wrap_pthread_once(pthread_once_t* once, void (*run)()) { return old_pthread_once(once, run); }

/// glibc 2.32 tells here whether counts need no atomic operations. In Node there is always another thread.
extern const char __wrap___libc_single_threaded;
const char __wrap___libc_single_threaded = 0;

/// glibc 2.30: waits by the clock that is named, where pthread_cond_timedwait goes by the one that can be
/// set. Here it waits by the latter for a second at most, and looks at the former again.
int __wrap_pthread_cond_clockwait(pthread_cond_t* condition, pthread_mutex_t* mutex, clockid_t clock,
                                  const timespec* until) {
  constexpr int64_t second = 1'000'000'000;
  const auto nanoseconds_of = [](const timespec& time) {
    return static_cast<int64_t>(time.tv_sec) * second + time.tv_nsec;
  };
  const auto now = [&](clockid_t which) {
    timespec time{};
    clock_gettime(which, &time);
    return nanoseconds_of(time);
  };
  for (;;) {
    const int64_t left = nanoseconds_of(*until) - now(clock);
    if (left <= 0) return ETIMEDOUT;
    const int64_t next = now(CLOCK_REALTIME) + std::min(left, second);
    const timespec slice{static_cast<time_t>(next / second), static_cast<long>(next % second)};
    const int result = pthread_cond_timedwait(condition, mutex, &slice);
    if (result != ETIMEDOUT) return result;
  }
}

/// GCC 12 has a version that does not end the process where the thread is cancelled.
void WRAPPED(CONDITION_WAIT)(std::condition_variable* condition, std::unique_lock<std::mutex>* lock) {
  old_condition_wait(condition, lock);
}

/// GCC 11: how std::future waits by the steady clock.
///
/// @return whether it did not time out
bool WRAPPED(FUTEX_WAIT_STEADY)(void*, uint32_t* address, uint32_t value, bool has_timeout, int64_t seconds,
                                int64_t nanoseconds) {
  if (!has_timeout) {
    syscall(SYS_futex, address, FUTEX_WAIT, value, nullptr, nullptr, 0);
    return true;
  }
  const timespec until{static_cast<time_t>(seconds), static_cast<long>(nanoseconds)};
  // With a bitset the time is a point of the steady clock, otherwise it would be a duration.
  const long result =
      syscall(SYS_futex, address, FUTEX_WAIT_BITSET, value, &until, nullptr, FUTEX_BITSET_MATCH_ANY);
  return !(result == -1 && errno == ETIMEDOUT);
}

}  // extern "C"
