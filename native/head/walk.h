// The walk over the class centres of a shard, without the matrix of logits: centres are walked in blocks.
//
// A forward walk forms a block's logits, their exponentials and, while the block's centres are at hand, its
// share of the gradient by the embeddings. With the sum of exponentials S of a sample known at the end,
//
//   loss_i = log S_i + reference_i - target_i,   dloss_i/dz_i = s (sum_c e_ic w_c) / S_i + target's share
//
// so that one walk gives the loss and the gradient of the embeddings. An update walk then gives the gradient
// of each centre, and moves the centre by it or hands it out. Exponentials of the first blocks are kept for
// the update walk as far as the budget allows; the others are computed again, to the same bits.
//
// A walk gives what one shard has: nothing here meets other shards, and nothing is finished. That is
// head/softmax.h, once for every device; head/cpu and head/cuda mirror each other below this header.
//
// References take the place of a running maximum: logits are s cos, so they lie in [-s, s], and float32 has
// room for exp(+-87). With s up to 64 the reference max(target, 0) never overflows and never loses a sum; for
// a larger s the largest logit is found first (`maxima`).
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/core/DeviceType.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "head/margin.h"
#include "head/unsampled.h"
#include "head/workspace.h"
#include "kernels/samples.h"
#include "optim/sgd.h"
#include "runtime/precision.h"

namespace kappa {

struct MarginSoftmaxOptions {
  double scale = 64;
  MarginFunction margin;
  /// Cosines to other classes above it count as wrong labels (inter-class filtering); 1: none do.
  double filter_threshold = 1;
  /// Of the products, whose sums are float32; logits and softmax are float32 everywhere. On the CPU products
  /// in float16 are computed in float32: its half products are no faster, and less exact.
  Precision precision = Precision::float32;
  /// Bytes of exponentials that may wait for the update; below 0: what suits the device.
  int64_t budget = -1;
  /// What an update does to the classes that were not sampled.
  RowRule rows = RowRule::sampled;
};

/// The classes that a walk covers.
struct ClassShard {
  at::Tensor centres_CD;  // float32 or float64, contiguous, any length
  at::Tensor rows = {};   // int64, ascending, on the centres' device: the sampled rows; undefined for all
  int64_t first_class = 0;
  /// Classes of all shards; 0: there is no other shard.
  int64_t all_classes = 0;
  int64_t count() const { return rows.defined() ? rows.size(0) : centres_CD.size(0); }
};

/// A batch that is to be walked.
struct WalkBatch {
  at::Tensor units_BD;   // embeddings at length 1
  at::Tensor targets_B;  // int64, row of each sample's target among the walked rows; -1: on another shard
};

struct SoftmaxWishes {
  bool embeddings_gradient = true;
  bool centres_update = true;
};

/// The walks over one batch, and what they keep for the update. Owns no centres.
class Walk {
 public:
  virtual ~Walk() = default;

  /// The largest logit of the other classes (B), in the type of the centres, at least `floor_B`.
  virtual at::Tensor maxima(const at::Tensor& floor_B) = 0;

  /// What the shard adds to the softmax.
  /// @param references_B of the exponentials, in the type of the centres
  /// @param sums_B float64, receives the sum of exp(logit - reference) over the other classes
  /// @returns (B, D), the sum of exp(logit - reference) times the unit centre; undefined unless asked for
  virtual at::Tensor forward(const at::Tensor& references_B, const SoftmaxWishes& wishes,
                             at::Tensor& sums_B) = 0;

  /// Bytes of exponentials that wait for the update.
  virtual int64_t kept_bytes() const = 0;
};

/// A walk's part in the gradient by the centres: factor (sum_i e_ic share_i z_i + the targets' gradients).
struct GradientTerm {
  std::shared_ptr<Walk> walk;
  at::Tensor rows;                // int64, the walked rows; undefined for all of them
  at::Tensor shares_B;            // float64: 1 / S of each sample
  at::Tensor target_gradients_B;  // float64
  double factor = 1;
  /// A further factor, one float32 element on the device, so that nobody waits for it.
  at::Tensor device_factor = {};
};

/// What the head needs of a kind of device. The caller has made the device of the tensors the current one.
struct HeadDevice {
  std::shared_ptr<Walk> (*walk)(const ClassShard& shard, const WalkBatch& batch,
                                const MarginSoftmaxOptions& options,
                                const std::shared_ptr<Workspace>& workspace);

  /// Writes the gradient by the centres, summed over terms of the same rows. Rows that were not walked stay.
  void (*gradient)(const std::vector<GradientTerm>& terms, const at::Tensor& centres_CD,
                   at::Tensor& gradient_CD);

  /// Moves the walked centres and their velocities by that gradient; the terms may have different rows, each
  /// of which moves once. Without momentum `velocity_CD` may be undefined.
  /// @param found_inf one float32 element on the device: nothing moves unless it is 0; undefined: 0
  void (*update)(const std::vector<GradientTerm>& terms, const at::Tensor& centres_CD,
                 const at::Tensor& velocity_CD, const SgdOptions& step, const at::Tensor& found_inf,
                 const std::shared_ptr<Workspace>& workspace);

  /// Bytes of exponentials that may wait for the update, where nobody says how many.
  int64_t (*default_budget)(Workspace& workspace);

  const SampleKernels<float>* float_samples;
  const SampleKernels<double>* double_samples;  // null where the head is float32
  /// class_key (kernels/class_keys.h) of the rows 0 to count - 1.
  void (*class_keys)(uint64_t draw, int64_t count, int64_t* keys);
  /// The stream on which the kernels of samples are to run now.
  KernelStream (*stream)();
};

/// The table of devices. Each registers itself: what is not built is not there.
void register_head_device(c10::DeviceType type, const HeadDevice* device);
/// @throws Error ERR_DEVICE where the head does not run on such devices
const HeadDevice& head_device(c10::DeviceType type);

/// Whether terms walked the same rows.
bool same_rows(const std::vector<GradientTerm>& terms);
/// The rows that any of the terms walked, ascending.
at::Tensor united_rows(const std::vector<GradientTerm>& terms, const at::Tensor& centres_CD);

}  // namespace kappa
