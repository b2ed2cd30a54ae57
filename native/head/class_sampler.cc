#include "head/class_sampler.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace kappa {
namespace {

/// A permutation of 64 bits that leaves no trace of its input (the finalizer of splitmix64).
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace

at::Tensor ClassSampler::draw(int64_t step, const at::Tensor& labels_B, int64_t first_class,
                              int64_t classes) const {
  const uint64_t key = mix(mix(mix(seed_) ^ shard_) ^ static_cast<uint64_t>(step));
  const auto wanted = static_cast<int64_t>(std::floor(rate_ * static_cast<double>(classes)));
  if (wanted >= classes) return {};
  std::vector<int64_t> positives;
  const auto* labels = labels_B.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < labels_B.size(0); ++i) {
    const int64_t row = labels[i] - first_class;
    if (row >= 0 && row < classes) positives.push_back(row);
  }
  std::sort(positives.begin(), positives.end());
  positives.erase(std::unique(positives.begin(), positives.end()), positives.end());

  const auto known = static_cast<int64_t>(positives.size());
  int64_t missing = std::max<int64_t>(0, wanted - known);
  int64_t left = classes - known;
  at::Tensor rows = at::empty({known + missing}, at::kLong);
  auto* out = rows.data_ptr<int64_t>();
  auto positive = positives.begin();
  // Each negative in turn is taken with the chance missing / left: every subset is equally likely.
  for (int64_t row = 0; row < classes; ++row) {
    if (positive != positives.end() && *positive == row) {
      *out++ = row;
      ++positive;
      continue;
    }
    const uint64_t chance = mix(key + static_cast<uint64_t>(row)) >> 32;
    if (chance * static_cast<uint64_t>(left) < static_cast<uint64_t>(missing) << 32) {
      *out++ = row;
      --missing;
    }
    --left;
  }
  return rows;
}

}  // namespace kappa
