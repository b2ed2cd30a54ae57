// LibTorch's threads, for as long as a test wants another number of them.
#pragma once
#include <ATen/Parallel.h>

namespace kappa {

class Threads {
 public:
  explicit Threads(int threads) : before_(at::get_num_threads()) { at::set_num_threads(threads); }
  ~Threads() { at::set_num_threads(before_); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int before_;
};

}  // namespace kappa
