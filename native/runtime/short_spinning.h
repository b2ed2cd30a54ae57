// How long the threads of an operation spin, waiting for the next one, before they sleep. Alone, long is
// better: to wake one that sleeps takes longer than most operations. Beside other programs a thread that
// spins keeps a core from those that have work, among them the other threads of the same operation. libgomp
// reads the number of turns when it is loaded, and never again; but where there are more threads than cores,
// in all teams together, it spins 1,000 turns at most. A team that sleeps makes them so many.
#pragma once
#include <future>
#include <thread>

namespace kappa {

/// While it lives the threads of operations spin shortly.
class ShortSpinning {
 public:
  /// @param more than there are threads of OpenMP
  explicit ShortSpinning(int more);
  ~ShortSpinning();
  ShortSpinning(const ShortSpinning&) = delete;
  ShortSpinning& operator=(const ShortSpinning&) = delete;

 private:
  std::promise<void> over_;
  std::thread sleeper_;
};

}  // namespace kappa
