// Softmax cross-entropy over cosines to class centres with a margin on the target, as one differentiable
// operation.
#pragma once
#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <tuple>
#include <vector>

#include "head/partial_fc.h"
#include "head/softmax.h"

namespace kappa {

/// The head's operation with what it keeps from step to step: memory, the sampler of classes, and passes that
/// wait for the update of the centres.
class MarginSoftmax : public std::enable_shared_from_this<MarginSoftmax> {
 public:
  /// @param shard the classes that the centres and margins are of
  /// @param group where there are other shards; null: there are none
  MarginSoftmax(const MarginSoftmaxOptions& options, const ClassSampler& sampler, const ClassRange& shard,
                std::shared_ptr<ShardGroup> group);

  /// Draws the classes that all forward passes up to the next update go over, by the labels of all of them:
  /// several batches of one step are one large batch then. Without this call each forward pass draws its own.
  /// @param labels int64 on the CPU, one tensor for each batch of this shard
  void draw_classes(const std::vector<at::Tensor>& labels, const at::Tensor& centres_CD,
                    const at::Tensor& sampler_step);

  /// Mean loss of a batch, and the cosine of each sample to the centre of its class (not differentiable).
  ///
  /// Gradients flow to the raw embeddings and, if they require it, to the raw centres; forward and backward
  /// are analytic. With `fused`, backward leaves the pass for `update` instead of a gradient of the centres.
  /// Shapes: B batch, C classes of the shard, D embedding. With a group every shard calls it at the same
  /// time, with as many samples; the loss is that of the samples of all shards.
  /// @param embeddings_BD float32 or float64, any length; a zero vector gets a zero gradient
  /// @param centres_CD the same dtype, any length
  /// @param labels_B int64, global classes; for centres on a CUDA device best on the CPU, where they are
  /// checked
  /// @param margins_C margin of each class in radians (angles) or in cosine (cosine kind), same dtype
  /// @param sampler_step one int64, counted up with each sample of the classes; unused at a sample rate of 1
  std::tuple<at::Tensor, at::Tensor> forward(const at::Tensor& embeddings_BD, const at::Tensor& centres_CD,
                                             const at::Tensor& labels_B, const at::Tensor& margins_C,
                                             bool fused, const at::Tensor& sampler_step);

  /// Moves the centres by the gradients of all backward passes since the last update, and forgets those. With
  /// `RowRule::all` the centres that none of the passes walked move as well (head/unsampled.h).
  /// Nothing happens where there were none.
  /// @param found_inf one float32 element on the centres' device: where it is not 0 the step is left out and
  /// the
  ///   passes are forgotten all the same; undefined: 0
  void update(const at::Tensor& centres_CD, const at::Tensor& velocity_CD, const SgdOptions& step,
              const at::Tensor& found_inf);

  /// Adds to `found_inf`, one float32 element on the centres' device, where a waiting pass is not finite.
  void check(at::Tensor& found_inf) const;

  /// Divides what the waiting passes will do by the factor that their losses were multiplied by.
  void unscale(double scale);

  /// Forgets the backward passes that wait.
  void drop() {
    waiting_.clear();
    drawn_.reset();
  }

  void wait_for_update(WeightedPass&& pass) { waiting_.push_back(std::move(pass)); }

 private:
  /// The rows that a pass walks; undefined for all of them.
  at::Tensor draw(const at::Tensor& labels_B, const at::Tensor& centres_CD,
                  const at::Tensor& sampler_step) const;

  MarginSoftmaxOptions options_;
  ClassSampler sampler_;
  ClassRange shard_;
  std::shared_ptr<ShardGroup> group_;
  std::optional<at::Tensor> drawn_;       // rows of the step under way
  std::shared_ptr<Workspace> workspace_;  // on the centres' device, from the first pass on
  std::vector<WeightedPass> waiting_;
};

}  // namespace kappa
