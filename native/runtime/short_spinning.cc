#include "runtime/short_spinning.h"

#include <algorithm>

#ifdef _OPENMP
#include <omp.h>
#endif

namespace kappa {

namespace {

/// A team of this thread. Its threads sleep from then on, and end with it.
void make_team([[maybe_unused]] int threads) {
#ifdef _OPENMP
  int begun = 0;
#pragma omp parallel num_threads(threads) reduction(+ : begun)
  begun = 1;
  static_cast<void>(begun);
#endif
}

}  // namespace

ShortSpinning::ShortSpinning(int more) {
  // The thread that makes a team belongs to none before, and is not counted.
  sleeper_ = std::thread([threads = std::max(more, 1) + 1, over = over_.get_future()] {
    make_team(threads);
    over.wait();
  });
}

ShortSpinning::~ShortSpinning() {
  over_.set_value();
  sleeper_.join();
}

}  // namespace kappa
