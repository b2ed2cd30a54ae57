// Which classes a shard has.
#pragma once
#include <cstdint>

namespace kappa {

/// The classes `[first, first + count)` of `total`.
struct ClassRange {
  int64_t first = 0;
  int64_t count = 0;
  int64_t total = 0;
};

}  // namespace kappa
