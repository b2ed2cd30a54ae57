// The gradients of a network that all ranks have, summed over the ranks while the backward pass goes on:
// c10d's Reducer.
#pragma once
#include <ATen/core/Tensor.h>

#include <memory>
#include <string>
#include <vector>

#include "distributed/process_group.h"

namespace c10d {
class Reducer;
}

namespace kappa {

/// What gradients are sent as.
enum class Compression { none, bfloat16, float16 };

struct ReducerOptions {
  /// Bytes of gradients that are sent together.
  int64_t bucket_bytes = 16 << 20;
  Compression compression = Compression::none;
};

/// The gradients stay in the buckets: whoever fills them with zeros instead of dropping them saves the next
/// step an allocation and a copy. Gradients are summed and not averaged: what the ranks differentiate is a
/// mean over the samples of all of them already. This is the one place that decides it.
class GradientReducer {
 public:
  /// @param parameters those that require gradients, in the order of the forward pass; the others are left
  /// out
  GradientReducer(const std::shared_ptr<ProcessGroup>& group, const std::vector<at::Tensor>& parameters,
                  const ReducerOptions& options);
  ~GradientReducer();

  /// Backward pass of a step's last loss: the gradients of earlier losses of the step, which are not reduced,
  /// are summed up with it. Returns when all gradients are.
  void backward(const at::Tensor& loss);

 private:
  struct Progress;
  class Hook;
  std::shared_ptr<ProcessGroup> group_;
  std::vector<at::Tensor> parameters_;
  std::shared_ptr<Progress> progress_;
  std::shared_ptr<c10d::Reducer> reducer_;
};

}  // namespace kappa
