// Loops over the threads of LibTorch. LibTorch's own `at::parallel_for` is a template whose parallel region
// the compiler of this addon makes; only GCC makes one for the OpenMP runtime of GCC, which LibTorch brings
// on Linux. Any other compiler would bring a second runtime, with a second team of threads beside the first.
// There the region is entered by the call that GCC would make; LLVM's runtime understands it, too. So it is
// under ThreadSanitizer, which does not see how the threads of the OpenMP runtime meet and has to be told.
#pragma once
#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>
#endif

#ifdef _OPENMP
#include <omp.h>
#else
extern "C" {
int omp_in_parallel();
void omp_set_num_threads(int);
}
#endif

namespace kappa {

/// In a body of `parallel_for`: LibTorch and its libraries plan what follows as the work of one thread.
inline void compute_on_this_thread() {
  // Both LibTorch and this addon set the number at a thread's first use of it: before, not after.
  at::internal::lazy_init_num_threads();
  at::get_num_threads();
  if (omp_in_parallel() != 0) omp_set_num_threads(1);  // ends with the parallel region
}

#if (defined(_OPENMP) || defined(_MSC_VER)) && !defined(__SANITIZE_THREAD__)

/// Calls `body(begin, end)` for parts of a range, of at least `grain` elements each, on several threads.
template <class F>
void parallel_for(int64_t begin, int64_t end, int64_t grain, const F& body) {
  at::parallel_for(begin, end, grain, body);
}

#else

namespace parallel_detail {
extern "C" {
void GOMP_parallel(void (*body)(void*), void* data, unsigned threads, unsigned flags);
int omp_get_num_threads();
int omp_get_thread_num();
}

/// What was done before `end_here` on any thread has happened where `begin_here` returns.
inline void begin_here([[maybe_unused]] void* region) {
#ifdef __SANITIZE_THREAD__
  __tsan_acquire(region);
#endif
}
inline void end_here([[maybe_unused]] void* region) {
#ifdef __SANITIZE_THREAD__
  __tsan_release(region);
#endif
}
}  // namespace parallel_detail

/// Calls `body(begin, end)` for parts of a range, of at least `grain` elements each, on several threads.
template <class F>
void parallel_for(int64_t begin, int64_t end, int64_t grain, const F& body) {
  if (begin >= end) return;
  at::internal::lazy_init_num_threads();
  const int64_t count = end - begin;
  if (count <= grain || count == 1 || at::in_parallel_region() || at::get_num_threads() == 1) {
    at::internal::ThreadIdGuard thread_id(0);
    c10::ParallelGuard guard(true);
    body(begin, end);
    return;
  }
  struct Region {
    int64_t begin, end, grain;
    const F& body;
    std::atomic_flag failed = ATOMIC_FLAG_INIT;
    std::exception_ptr error;

    void run() noexcept {
      parallel_detail::begin_here(this);
      work();
      parallel_detail::end_here(this);
    }

    void work() noexcept {
      const int64_t thread = parallel_detail::omp_get_thread_num();
      const int64_t team = parallel_detail::omp_get_num_threads();
      const int64_t parts = grain > 0 ? std::min(team, at::divup(end - begin, grain)) : team;
      const int64_t size = at::divup(end - begin, parts);
      const int64_t first = begin + thread * size;
      if (first >= end) return;
      try {
        at::internal::ThreadIdGuard thread_id(static_cast<int>(thread));
        c10::ParallelGuard guard(true);
        body(first, std::min(end, first + size));
      } catch (...) {
        if (!failed.test_and_set()) error = std::current_exception();
      }
    }
  };
  Region region{begin, end, grain, body, ATOMIC_FLAG_INIT, nullptr};
  parallel_detail::end_here(&region);
  parallel_detail::GOMP_parallel([](void* data) { static_cast<Region*>(data)->run(); }, &region, 0, 0);
  parallel_detail::begin_here(&region);
  if (region.error) std::rethrow_exception(region.error);
}

#endif

/// Calls `body(i)` for 0, 1, ... below `count`, on several threads, each of which takes the next when it is
/// done with one: a thread that shares its processor with another program takes fewer.
template <class F>
void parallel_pieces(int64_t count, const F& body) {
  std::atomic<int64_t> next{0};
  const int64_t threads = std::min<int64_t>(count, at::get_num_threads());
  parallel_for(0, threads, 1, [&](int64_t, int64_t) {
    for (int64_t i = next++; i < count; i = next++) body(i);
  });
}

}  // namespace kappa
