// Module: what a network owns. Parameters, buffers and the batch counter by their names in the state, how
// they begin, and whether the module trains.
#pragma once
#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/shard_group.h"

namespace kappa {

/// Share of a batch in the running statistics of batch normalisation.
inline constexpr double batch_norm_momentum = 0.1;
inline constexpr double batch_norm_epsilon = 1e-5;

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// How a tensor begins.
struct Initial {
  enum class Kind { constant, normal, uniform };
  Kind kind = Kind::constant;
  double value = 0;  // the constant, the standard deviation, or the bound
};

class Module {
 public:
  explicit Module(const at::Device& device);
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  const at::Device& device() const { return device_; }
  const NamedTensors& parameters() const { return parameters_; }
  const NamedTensors& buffers() const { return buffers_; }

  /// Reserves a float32 tensor that an optimizer moves; nothing is written yet. Four dimensions lie
  /// channels_last.
  at::Tensor add_parameter(const std::string& name, const std::vector<int64_t>& shape,
                           const Initial& initial);
  /// Reserves a float32 vector of the state that no optimizer moves.
  at::Tensor add_buffer(const std::string& name, int64_t size, const Initial& initial);
  /// Gives the batch counter one more name. It is one number on the host, whatever the device: every layer
  /// that counts batches has seen the same ones.
  void add_batch_counter(const std::string& name);

  /// Fills in how everything begins. Draws from the default generator, in the order in which it was added.
  void initialize();

  /// Whether batches are normalised by their own statistics, and dropout is on.
  bool training() const { return training_; }
  void train(bool on) { training_ = on; }
  /// Counts a batch that was trained with.
  void count_batch() { *batches_.mutable_data_ptr<int64_t>() += 1; }

  /// Copies the buffers aside, so that `restore_buffers` can undo a step whose values were not finite.
  void keep_buffers();
  void restore_buffers();

  /// Makes the running statistics what one rank would have that had made the forward passes of all ranks
  /// since `keep_buffers`, one rank's after the other's; every rank has made as many.
  void merge_statistics(ShardGroup& group);

  /// From now on batches are normalised over those of all ranks, each layer's in one exchange; null: over
  /// this rank's. Then all ranks have the same statistics, and there is nothing to merge.
  void set_batch_group(std::shared_ptr<ShardGroup> group) { batch_group_ = std::move(group); }
  ShardGroup* batch_group() const { return batch_group_.get(); }

  /// Moves every parameter towards the source's, p <- momentum p + (1 - momentum) p_source, and copies its
  /// buffers.
  void follow(const Module& source, double momentum);

 private:
  at::Device device_;
  NamedTensors parameters_;
  NamedTensors buffers_;
  std::vector<at::Tensor> statistics_;  // the buffers without the counter, which is no matter of the device
  std::vector<std::pair<at::Tensor, Initial>> initial_;
  at::Tensor batches_;  // int64, one element, on the host
  std::vector<at::Tensor> kept_statistics_;
  std::optional<int64_t> kept_batches_;
  bool training_ = true;
  std::shared_ptr<ShardGroup> batch_group_;
};

}  // namespace kappa
