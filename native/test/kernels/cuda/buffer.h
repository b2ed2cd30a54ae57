// The memory of the kernels' checks (kernels/cuda/check_tools.h) on the CPU.
#pragma once
#include <cstdlib>

#include "kernels/cuda/check_tools.h"

namespace kappa::cuda {

template <class T>
Buffer<T>::Buffer(std::vector<T> values) : count_(values.size()), data_(nullptr) {
  // Aligned as device memory is; exactly as long as said, so that AddressSanitizer sees what lies beyond.
  const size_t bytes = std::max<size_t>(16, (count_ * sizeof(T) + 15) / 16 * 16);
  data_ = static_cast<T*>(std::aligned_alloc(16, bytes));
  std::copy(values.begin(), values.end(), data_);
}
template <class T>
Buffer<T>::~Buffer() {
  std::free(data_);
}
template <class T>
std::vector<T> Buffer<T>::read() const {
  return std::vector<T>(data_, data_ + count_);
}
template <class T>
void Buffer<T>::write(const std::vector<T>& values) {
  std::copy(values.begin(), values.end(), data_);
}

}  // namespace kappa::cuda
