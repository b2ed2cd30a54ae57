// What a step saw of the classes that this shard keeps. S own samples, D embedding.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <exception>
#include <span>
#include <vector>

#include "runtime/class_range.h"
#include "runtime/parallel.h"
#include "runtime/shard_group.h"

namespace kappa {

/// The batches that this shard's part of a step was made of, in their order.
struct StepBatches {
  std::vector<at::Tensor> embeddings;  // float32 (samples, D), any length
  std::vector<at::Tensor> labels;      // int64 (samples), global class of each
  std::vector<at::Tensor> indices;     // int64 (samples), image of each; none where nobody asks for them
};

struct OwnSample {
  int64_t row = 0;    // of the embeddings
  int64_t label = 0;  // from the shard's first class on
  int64_t index = 0;  // image
  double length = 0;  // of the embedding; 0 where it has no direction (zero or not finite)
};

struct OwnSamples {
  at::Tensor embeddings;           // float32, on the CPU
  std::vector<OwnSample> samples;  // in the order of the global batch

  /// The unit vector of a sample that has a direction.
  void unit_vector(const OwnSample& sample, std::vector<double>& z) const;
};

/// Brings the batches of all shards together and takes the samples of the own classes: those of the first
/// shard first, so that every class sees its samples in the order of one shard with all batches.
/// @param group null where this shard is alone
OwnSamples own_samples(const StepBatches& step, const ClassRange& classes, int64_t dim, ShardGroup* group);

/// Samples with a direction by their class, each class's in the order of the global batch.
class SamplesByClass {
 public:
  explicit SamplesByClass(const OwnSamples& own);

  /// Calls `body(samples)` with the numbers of the samples of some classes, on several threads at a time.
  template <class F>
  void for_each(const F& body) const {
    parallel_for(0, static_cast<int64_t>(starts_.size()) - 1, classes_a_thread,
                 [&](int64_t begin, int64_t end) {
                   const size_t first = starts_[static_cast<size_t>(begin)];
                   const size_t last = starts_[static_cast<size_t>(end)];
                   body(std::span(order_).subspan(first, last - first));
                 });
  }

 private:
  // A sample takes a microsecond or two.
  static constexpr int64_t classes_a_thread = 16;
  std::vector<size_t> order_;
  std::vector<size_t> starts_;  // of each class in that order, and its end
};

/// Lets all shards fail where one does: throws what failed here, or says which shard it was. Every shard
/// calls it, before it changes anything.
/// @param failure null where nothing failed on this shard
/// @param what completes "Rank 2 could not ..."
void fail_together(ShardGroup* group, const std::exception_ptr& failure, const char* what);

}  // namespace kappa
