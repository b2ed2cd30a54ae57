// The processes of a run, as the numbers see them: where what is spread over them meets.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace kappa {

/// The shards of a run, one a process; all of them make the same calls in the same order, with tensors of the
/// same dtype and shape. Classes are spread over the shards; a batch has rows of all of them.
class ShardGroup {
 public:
  virtual ~ShardGroup() = default;
  /// Which shard this is, from 0.
  virtual int64_t rank() const = 0;
  /// How many there are.
  virtual int64_t size() const = 0;
  /// The rows of all shards, one shard after the other.
  virtual at::Tensor gather(const at::Tensor& rows) = 0;
  /// Combines a tensor over all shards, in place.
  virtual void sum(at::Tensor& values) = 0;
  virtual void maximum(at::Tensor& values) = 0;
  /// This shard's rows (those it gave to `gather`) of the sum over all shards.
  virtual at::Tensor scatter_sum(const at::Tensor& rows) = 0;
};

}  // namespace kappa
