// What a step of the head cannot beat: its three matrix products and one pass over centres and velocities.
#pragma once
#include <cstdint>

namespace kappa {

/// Seconds that the three products of a step over all classes and one read and write of centres and
/// velocities take here and now, the median of several runs. Nothing else is done: no softmax, no margin, no
/// normalisation.
double measure_head_limit(int64_t batch, int64_t classes, int64_t dim, bool bf16, int64_t repeats);

}  // namespace kappa
