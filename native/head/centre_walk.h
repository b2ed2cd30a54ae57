// Margin softmax on the CPU without the logits matrix: the class centres are walked in blocks.
//
// A forward walk forms a block's logits, their exponentials and, while the block's centres are in the cache,
// its share of the gradient by the embeddings: with the sum of exponentials S of a sample known at the end,
//
//   loss_i = log S_i + reference_i - target_i,   dloss_i/dz_i = s (sum_c e_ic w_c) / S_i + target's share
//
// so that one walk gives the loss and the gradient of the embeddings. An update walk then gives the gradient
// of each centre, and moves the centre by it or hands it out. Exponentials of the first blocks are kept for
// the update walk as far as the budget allows; the others are computed again.
//
// References take the place of a running maximum: logits are s cos, so they lie in [-s, s], and float32 has
// room for exp(+-87). With s up to 64 the reference max(target, 0) never overflows and never loses a sum; for
// a larger s a walk of its own finds the largest logit first.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "head/block_math.h"
#include "head/margin.h"
#include "head/workspace.h"
#include "runtime/precision.h"

namespace kappa {

struct MarginSoftmaxOptions {
  double scale = 64;
  MarginFunction margin;
  /// Cosines to other classes above it count as wrong labels (inter-class filtering); 1: none do.
  double filter_threshold = 1;
  /// Of the products, whose sums are float32; everything else stays float32. On the CPU products in float16
  /// are computed in float32: its half products are no faster, and less exact.
  Precision precision = Precision::float32;
  /// Memory for exponentials and scratch, in bytes.
  int64_t budget = int64_t{46} << 20;
};

/// Where softmax over classes on several shards meets. Each call combines a tensor over all shards in place.
/// The calls of a forward pass: sum of the target logits (B), maximum of the largest logits (B, only for a
/// scale above 64), sum of the exponentials (B), sum of the gradient by the unit embeddings (B, D).
class ShardReduction {
 public:
  virtual ~ShardReduction() = default;
  virtual void sum(at::Tensor& values) = 0;
  virtual void maximum(at::Tensor& values) = 0;
};

/// The classes that a walk covers.
struct ClassShard {
  at::Tensor centres_CD;  // float32 or float64, contiguous, any length
  at::Tensor rows;        // int64, ascending: the sampled rows; undefined for all of them
  int64_t first_class = 0;
  int64_t count() const { return rows.defined() ? rows.size(0) : centres_CD.size(0); }
};

/// What a forward pass leaves for the update of the centres.
struct SoftmaxPass {
  virtual ~SoftmaxPass();
  /// Bytes of exponentials that wait for the update.
  virtual int64_t kept_bytes() const;

  struct Target {
    int64_t row;  // among the walked rows
    int64_t sample;
    double gradient;  // of the mean loss by the target's cosine
  };

  MarginSoftmaxOptions options;
  at::Tensor units_BD;
  at::Tensor rows;
  int64_t classes = 0;          // walked rows
  std::vector<Target> targets;  // by row
  at::Tensor references_B;
  at::Tensor sums_B;

  at::Tensor kept;  // exponentials of the first blocks of each thread
  int64_t kept_blocks = 0;
  int64_t threads = 0;
  std::shared_ptr<Workspace> workspace;
};

struct SoftmaxResult {
  at::Tensor loss;                    // one element, the mean over the batch
  at::Tensor target_cosines_B;        // 0 for samples whose class is on another shard
  at::Tensor embeddings_gradient_BD;  // undefined unless asked for
  std::shared_ptr<SoftmaxPass> pass;  // empty unless asked for
};

struct SoftmaxWishes {
  bool embeddings_gradient = true;
  bool centres_update = true;
};

/// @param labels_B int64, global classes; those outside the shard have their target elsewhere
/// @param margins_C by global class
SoftmaxResult walk_forward(const at::Tensor& embeddings_BD, const ClassShard& shard,
                           const at::Tensor& labels_B, const at::Tensor& margins_C,
                           const MarginSoftmaxOptions& options, const SoftmaxWishes& wishes,
                           const std::shared_ptr<Workspace>& workspace, ShardReduction* reduction);

/// A pass with the gradient that came from above.
struct WeightedPass {
  std::shared_ptr<SoftmaxPass> pass;
  double weight = 1;
  /// A further factor that lives on the device of the pass, so that nobody waits for it.
  at::Tensor device_weight = {};
};

/// Writes the gradient by the centres, summed over the passes, which have the same rows. Rows that were not
/// walked stay as they are.
void walk_gradient(const std::vector<WeightedPass>& passes, const at::Tensor& centres_CD,
                   at::Tensor& gradient_CD);

/// Moves the walked centres and their velocities by that gradient; the passes may have different rows, each
/// of which moves once. Without momentum `velocity_CD` may be undefined.
void walk_update(const std::vector<WeightedPass>& passes, const at::Tensor& centres_CD,
                 const at::Tensor& velocity_CD, const SgdOptions& step);

}  // namespace kappa
