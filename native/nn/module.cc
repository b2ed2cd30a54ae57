#include "nn/module.h"

#include <ATen/ATen.h>

#include <cmath>

#include "runtime/error.h"

namespace kappa {

using at::Tensor;

Module::Module(const at::Device& device)
    : device_(device), batches_(at::zeros({}, at::dtype(at::kLong).device(at::kCPU))) {}

Tensor Module::add_parameter(const std::string& name, const std::vector<int64_t>& shape,
                             const Initial& initial) {
  const auto format = shape.size() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
  Tensor tensor = at::empty(shape, at::dtype(at::kFloat).device(device_), format);
  tensor.set_requires_grad(true);
  parameters_.emplace_back(name, tensor);
  initial_.emplace_back(tensor, initial);
  return tensor;
}

Tensor Module::add_buffer(const std::string& name, int64_t size, const Initial& initial) {
  Tensor tensor = at::empty({size}, at::dtype(at::kFloat).device(device_));
  buffers_.emplace_back(name, tensor);
  statistics_.push_back(tensor);
  initial_.emplace_back(tensor, initial);
  return tensor;
}

void Module::add_batch_counter(const std::string& name) { buffers_.emplace_back(name, batches_); }

void Module::initialize() {
  at::NoGradGuard guard;
  for (const auto& [tensor, initial] : initial_) {
    // Drawn in the plain layout and on the CPU, so that the values do not depend on how and where they are
    // stored.
    const double value = initial.value;
    switch (initial.kind) {
      case Initial::Kind::constant:
        tensor.fill_(value);
        break;
      case Initial::Kind::normal:
        tensor.copy_(at::empty(tensor.sizes()).normal_(0, value));
        break;
      case Initial::Kind::uniform:
        tensor.copy_(at::empty(tensor.sizes()).uniform_(-value, value));
        break;
    }
  }
  initial_.clear();
}

void Module::keep_buffers() {
  at::NoGradGuard guard;
  if (kept_statistics_.empty()) {
    for (const Tensor& tensor : statistics_) kept_statistics_.push_back(at::empty_like(tensor));
  }
  if (!statistics_.empty()) at::_foreach_copy_(kept_statistics_, statistics_);
  kept_batches_ = batches_.item<int64_t>();
}

void Module::restore_buffers() {
  at::NoGradGuard guard;
  require(kept_batches_.has_value(), "ERR_INTERNAL", "No buffers were kept.");
  if (!statistics_.empty()) at::_foreach_copy_(statistics_, kept_statistics_);
  batches_.fill_(*kept_batches_);
}

void Module::merge_statistics(ShardGroup& group) {
  at::NoGradGuard guard;
  require(kept_batches_.has_value(), "ERR_INTERNAL", "No buffers were kept.");
  const int64_t passes = batches_.item<int64_t>() - *kept_batches_;
  // A pass makes r <- (1 - m) r + m s: after all of them the old value and each pass have these shares.
  const auto share = [](int64_t later) {
    return std::pow(1 - batch_norm_momentum, static_cast<double>(later));
  };
  if (!statistics_.empty() && passes > 0) {
    const auto flat = [](const std::vector<Tensor>& tensors) { return at::cat(tensors).to(at::kDouble); };
    const Tensor before = flat(kept_statistics_);
    Tensor added = flat(statistics_) - share(passes) * before;
    added.mul_(share(passes * (group.size() - 1 - group.rank())));
    group.sum(added);
    const Tensor merged = (share(passes * group.size()) * before + added).to(at::kFloat);
    std::vector<int64_t> sizes;
    for (const Tensor& tensor : statistics_) sizes.push_back(tensor.size(0));
    at::_foreach_copy_(statistics_, merged.split_with_sizes(sizes));
  }
  batches_.fill_(*kept_batches_ + passes * group.size());
}

void Module::follow(const Module& source, double momentum) {
  require(parameters_.size() == source.parameters_.size() && buffers_.size() == source.buffers_.size(),
          "ERR_ARGUMENT", "The networks differ in depth.");
  at::NoGradGuard guard;
  std::vector<Tensor> own;
  std::vector<Tensor> theirs;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    require(parameters_[i].second.sizes() == source.parameters_[i].second.sizes(), "ERR_SHAPE",
            "The networks differ in the shape of ", parameters_[i].first, ".");
    own.push_back(parameters_[i].second);
    theirs.push_back(source.parameters_[i].second);
  }
  if (!own.empty()) {
    at::_foreach_mul_(own, momentum);
    at::_foreach_add_(own, theirs, 1 - momentum);
  }
  if (!statistics_.empty()) at::_foreach_copy_(statistics_, source.statistics_);
  batches_.copy_(source.batches_);
}

}  // namespace kappa
