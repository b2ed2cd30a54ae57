// What the softmax needs to know of each sample of a batch, apart from the walk over the other classes: unit
// embeddings, the target with its margin, loss and gradients once all sums are in. The same names on every
// device; kernels/cpu and kernels/cuda say how.
#pragma once
#include <cstdint>

#include "head/margin.h"

namespace kappa {

/// The numbers of each sample, all (B). T is float, or double on a CPU.
template <class T>
struct Samples {
  int64_t batch = 0;
  T* cosines = nullptr;           // to the target
  T* references = nullptr;        // max(target logit, 0) or above: what exponentials are relative to
  double* logits = nullptr;       // of the target, scaled
  double* derivatives = nullptr;  // of the unscaled target logit by its cosine
  double* sums = nullptr;         // of exp(logit - reference) over the other classes; then over all
  double* losses = nullptr;
  double* target_gradients = nullptr;  // (p - 1) derivative: of the loss by the target's cosine, unscaled
  int64_t* rows = nullptr;             // of the target among the walked rows; -1: on another shard
};

/// Where the targets of a batch are. Those outside the shard's classes are on another one; labels outside all
/// classes make their loss no number and touch no memory.
template <class T>
struct TargetClasses {
  const int64_t* labels = nullptr;  // global classes
  const T* centres = nullptr;       // of the shard, (classes, D)
  int64_t first_class = 0;
  int64_t classes = 0;
  int64_t all_classes = 0;
  int64_t dim = 0;
  /// By row of the shard, or one a sample; asked for where the target is in the shard only.
  const T* margins = nullptr;
  bool margin_per_sample = false;
  /// The rows that are walked, ascending; null: all of them.
  const int64_t* walked = nullptr;
  int64_t walked_count = 0;

  /// The row of sample i's target among the shard's centres, or -1.
  KAPPA_HOST_DEVICE int64_t row_of(int64_t i) const {
    const int64_t row = labels[i] - first_class;
    return row >= 0 && row < classes ? row : -1;
  }
  /// Where that row is among the walked ones, or -1.
  KAPPA_HOST_DEVICE int64_t walked_row_of(int64_t row) const {
    if (walked == nullptr || row < 0) return row;
    int64_t first = 0;
    for (int64_t count = walked_count; count > 0;) {
      const int64_t half = count / 2;
      const bool below = walked[first + half] < row;
      first += below ? half + 1 : 0;
      count = below ? count - half - 1 : half;
    }
    return first < walked_count && walked[first] == row ? first : -1;
  }
  KAPPA_HOST_DEVICE bool is_class(int64_t i) const { return labels[i] >= 0 && labels[i] < all_classes; }
  KAPPA_HOST_DEVICE T margin_of(int64_t i) const {
    return margins[margin_per_sample ? i : labels[i] - first_class];
  }
};

/// The stream of a device; a CPU takes no notice of it.
using KernelStream = void*;

/// The kernels of a device. They do not wait for it.
template <class T>
struct SampleKernels {
  /// Rows at length 1, and their inverse lengths: 0 for rows without a direction.
  void (*normalize)(const T* rows, int64_t count, int64_t dim, T* units, T* inverse, KernelStream stream);

  /// Cosines, logits, derivatives and rows of the targets in the shard, zeros and -1 for the others.
  void (*find_targets)(const T* units, const TargetClasses<T>& targets, double scale,
                       const MarginFunction& function, const Samples<T>& samples, KernelStream stream);

  /// Sets the references to max(target logit, 0).
  void (*refer)(const Samples<T>& samples, KernelStream stream);

  /// Losses and gradients of the targets; the target's own exponential joins the sum.
  void (*finish)(const Samples<T>& samples, KernelStream stream);

  /// Gradients by the unit embeddings: factor (outputs / sum + the target's share), for the targets in the
  /// shard.
  /// @param outputs (B, D), sum over the other classes of exp(logit - reference) times the unit centre
  void (*unit_gradients)(const T* outputs, const TargetClasses<T>& targets, const Samples<T>& samples,
                         double factor, T* gradients, KernelStream stream);

  /// Gradients by the raw rows from those by their unit vectors, in place.
  void (*through_normalization)(const T* units, const T* inverse, int64_t count, int64_t dim, T* gradients,
                                KernelStream stream);
};

}  // namespace kappa
