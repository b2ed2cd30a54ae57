// PartialFC (An et al., 2022): the softmax of a step covers a sample of the classes, those of the batch among
// them.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace kappa {

/// Draws the classes of a step, the same wherever it is drawn: those of the batch, and of the others those
/// with the smallest keys (kernels/class_keys.h), so that every subset is equally likely.
class ClassSampler {
 public:
  /// @param rate share of a shard's classes, in (0, 1]
  /// @param shard shards of one run draw apart from each other
  ClassSampler(double rate, uint64_t seed, uint64_t shard) : rate_(rate), seed_(seed), shard_(shard) {}

  double rate() const { return rate_; }

  /// @param step number of the draw
  /// @param labels_B int64 on the CPU, global classes; how many rows there are depends on them
  /// @param first_class,classes the classes of the shard
  /// @param device where the rows are drawn
  /// @returns int64, rows of the shard, ascending: rate times `classes` of them or, if that is more, those of
  ///   the batch; undefined where that is all of them
  at::Tensor draw(int64_t step, const at::Tensor& labels_B, int64_t first_class, int64_t classes,
                  const at::Device& device) const;

 private:
  double rate_;
  uint64_t seed_;
  uint64_t shard_;
};

}  // namespace kappa
