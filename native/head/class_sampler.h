// PartialFC (An et al., CVPR 2022): the classes that take part in a step.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace kappa {

/// Draws all classes of a batch and random others, up to a share of the classes. What is drawn depends on
/// seed, shard and step alone, so that a run resumes exactly and no two shards draw alike.
class ClassSampler {
 public:
  /// @param rate share of the classes in a sample, in (0, 1]
  ClassSampler(double rate, uint64_t seed, uint64_t shard) : rate_(rate), seed_(seed), shard_(shard) {}

  /// The sample of a step: ascending int64 rows, or undefined where all classes take part.
  /// @param labels_B int64, global classes; others than those of the shard are passed over
  at::Tensor draw(int64_t step, const at::Tensor& labels_B, int64_t first_class, int64_t classes) const;

  double rate() const { return rate_; }

 private:
  double rate_;
  uint64_t seed_;
  uint64_t shard_;
};

}  // namespace kappa
