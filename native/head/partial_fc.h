// PartialFC (An et al., 2022): the softmax of a step covers a sample of the classes, those of the batch among
// them.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "runtime/class_range.h"

namespace kappa {

/// Draws the classes of a step, the same wherever it is drawn: those of the batch, and of the others those
/// with the smallest keys (kernels/class_keys.h), so that every subset is equally likely. The keys are of all
/// classes of all shards: how many shards there are does not change what is drawn, and no two shards draw
/// alike.
class ClassSampler {
 public:
  /// @param rate share of the classes, in (0, 1]
  ClassSampler(double rate, uint64_t seed) : rate_(rate), seed_(seed) {}

  double rate() const { return rate_; }

  /// @param step number of the draw
  /// @param labels_B int64 on the CPU, global classes of the batch of all shards
  /// @param shard whose rows are wanted
  /// @param all_classes of all shards: rate times so many are drawn or, if that is more, those of the batch
  /// @returns int64, the drawn rows of the shard, ascending, where its centres are; undefined where that is
  /// all
  at::Tensor draw(int64_t step, const at::Tensor& labels_B, const ClassRange& shard,
                  const at::Device& device) const;

 private:
  double rate_;
  uint64_t seed_;
};

}  // namespace kappa
