// A key of 63 bits for each class, for host and device: the classes with the smallest keys are drawn, so that
// a draw is the same wherever it is made and every subset is equally likely.
#pragma once
#include <cstdint>

#include "head/margin.h"

namespace kappa {

/// A permutation of 64 bits that leaves no trace of its input (the finalizer of splitmix64).
KAPPA_HOST_DEVICE inline uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// @param draw the number of the draw, mixed
/// @returns 0 or above
KAPPA_HOST_DEVICE inline int64_t class_key(uint64_t draw, int64_t row) {
  return static_cast<int64_t>(mix(draw + static_cast<uint64_t>(row)) >> 1);
}

}  // namespace kappa
