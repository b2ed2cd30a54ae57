// One version of a loop for each instruction set that matters, chosen by what the processor has
// (runtime/cpu_features.h), so that every version can be run on a processor that has them all.
#pragma once
#include "runtime/cpu_features.h"

// The sanitizers are slow enough without several versions of everything.
#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__)) && !defined(__SANITIZE_ADDRESS__) && \
    !defined(__SANITIZE_THREAD__)
#define KAPPA_CLONES 1
#endif

/// For everything that a clone calls: it must become part of it.
#define KAPPA_INLINE inline __attribute__((always_inline))

namespace kappa {

#ifdef KAPPA_CLONES
template <class Body>
__attribute__((target("arch=x86-64-v4"), noinline)) void run_for_avx512(Body body) {
  body();
}
template <class Body>
__attribute__((target("arch=x86-64-v3"), noinline)) void run_for_avx2(Body body) {
  body();
}
#endif

/// Runs the body as compiled for the best instruction set. Write it with KAPPA_CLONE, which makes it inline.
template <class Body>
inline void run_best_clone(Body body) {
#ifdef KAPPA_CLONES
  const CpuFeatures& features = cpu_features();
  if (features.avx512) return run_for_avx512(body);
  if (features.avx2) return run_for_avx2(body);
#endif
  body();
}

}  // namespace kappa

/// KAPPA_CLONE(call): captures by value, so that no pointer to a pointer stands in a loop's way.
#define KAPPA_CLONE(...) ::kappa::run_best_clone([=]() __attribute__((always_inline)) { __VA_ARGS__; })
