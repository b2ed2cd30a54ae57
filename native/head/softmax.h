// The margin softmax, once for every device: what a batch gives and takes around the walk over the centres
// (head/walk.h), and where shards of the classes meet.
#pragma once
#include <ATen/core/Tensor.h>

#include <memory>
#include <vector>

#include "head/walk.h"
#include "runtime/shard_group.h"

namespace kappa {

/// The margin of each target.
struct Margins {
  at::Tensor values;        // in the type of the centres: radians (angles) or cosine (cosine kind)
  bool per_sample = false;  // (B of this shard), otherwise by class of the shard
};

/// What a forward pass leaves for the update of the centres.
struct SoftmaxPass {
  std::shared_ptr<Walk> walk;
  at::Tensor rows;                // the walked rows; undefined for all of them
  at::Tensor shares_B;            // float64: 1 / sum of exponentials
  at::Tensor target_gradients_B;  // float64, over scale / batch
  double scale = 0;               // of the softmax over the number of samples
  int64_t dim = 0;
  int64_t classes = 0;  // of the shard

  /// 0 where everything that the update takes from here is finite; one float32 element on the device.
  at::Tensor not_finite() const;
};

/// A pass with the gradient that came from above.
struct WeightedPass {
  std::shared_ptr<SoftmaxPass> pass;
  double weight = 1;
  /// A further factor that lives on the device of the pass, one float32 element, so that nobody waits for it.
  at::Tensor device_weight = {};
};

struct SoftmaxResult {
  at::Tensor loss;                    // one element, the mean over the samples of all shards
  at::Tensor target_cosines_B;        // of this shard's samples
  at::Tensor embeddings_gradient_BD;  // of this shard's samples; undefined unless asked for
  std::shared_ptr<SoftmaxPass> pass;  // empty unless asked for
};

/// @param embeddings_BD float32 or float64, contiguous
/// @param labels_B int64, global classes, on the centres' device
/// @param group where there are other shards; null: there are none
/// @param device whose walk and kernels are used; null: those of the centres' device
SoftmaxResult softmax_forward(const at::Tensor& embeddings_BD, const ClassShard& shard,
                              const at::Tensor& labels_B, const Margins& margins,
                              const MarginSoftmaxOptions& options, const SoftmaxWishes& wishes,
                              const std::shared_ptr<Workspace>& workspace, ShardGroup* group = nullptr,
                              const HeadDevice* device = nullptr);

/// Writes the gradient by the centres, summed over the passes, which have the same rows. Rows that were not
/// walked stay as they are.
void softmax_gradient(const std::vector<WeightedPass>& passes, const at::Tensor& centres_CD,
                      at::Tensor& gradient_CD, const HeadDevice* device = nullptr);

/// Moves the walked centres and their velocities by that gradient; the passes may have different rows, each
/// of which moves once. Without momentum `velocity_CD` may be undefined.
/// @param found_inf one float32 element on the device: nothing moves unless it is 0; undefined: 0
void softmax_update(const std::vector<WeightedPass>& passes, const at::Tensor& centres_CD,
                    const at::Tensor& velocity_CD, const SgdOptions& step, const at::Tensor& found_inf,
                    const std::shared_ptr<Workspace>& workspace, const HeadDevice* device = nullptr);

}  // namespace kappa
