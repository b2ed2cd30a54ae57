// What the checks of all kernels need, on the CPU as on a GPU. No torch, no Node.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/cuda/number.h"

namespace kappa::cuda {

/// Memory that kernels can reach. On the CPU a vector, on a GPU device memory with copies.
template <class T>
class Buffer {
 public:
  explicit Buffer(std::vector<T> values);
  explicit Buffer(size_t count) : Buffer(std::vector<T>(count)) {}
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  T* data() { return data_; }
  /// The content, once all kernels before are done.
  std::vector<T> read() const;
  void write(const std::vector<T>& values);

 private:
  size_t count_;
  T* data_;
};

template <class L>
bool same_bits(const std::vector<L>& a, const std::vector<L>& b) {
  return a.size() == b.size() && memcmp(a.data(), b.data(), a.size() * sizeof(L)) == 0;
}

inline double distance(const std::vector<double>& actual, const std::vector<double>& expected) {
  double difference = 0, length = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    difference += (actual[i] - expected[i]) * (actual[i] - expected[i]);
    length += expected[i] * expected[i];
  }
  return std::sqrt(difference) / std::max(std::sqrt(length), 1e-3);
}

inline bool all_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}

/// Counts what fails and says it.
struct Report {
  int passed = 0;
  int failed = 0;
  bool quiet = false;
  void check(bool good, const std::string& what) {
    (good ? passed : failed) += 1;
    if (!good && !quiet) std::printf("FAILED  %s\n", what.c_str());
  }
};

template <class L>
struct Precision;
template <>
struct Precision<float> {
  static constexpr const char* name = "float32";
  static constexpr double tolerance = 1e-4;
};
template <>
struct Precision<Half> {
  static constexpr const char* name = "float16";
  static constexpr double tolerance = 1e-2;
};
template <>
struct Precision<BFloat16> {
  static constexpr const char* name = "bfloat16";
  static constexpr double tolerance = 4e-2;
};

}  // namespace kappa::cuda
