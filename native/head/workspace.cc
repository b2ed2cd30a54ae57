#include "head/workspace.h"

#include <ATen/ATen.h>

#include <utility>

namespace kappa {

void* Workspace::scratch(size_t slot, size_t bytes) {
  if (bytes == 0) return nullptr;
  if (slot >= scratch_.size()) scratch_.resize(slot + 1);
  at::Tensor& buffer = scratch_[slot];
  if (!buffer.defined() || static_cast<size_t>(buffer.numel()) < bytes) {
    buffer = at::Tensor();
    buffer = at::empty({static_cast<int64_t>(bytes)}, at::dtype(at::kByte).device(device_));
  }
  return buffer.mutable_data_ptr();
}

at::Tensor Workspace::borrow(size_t bytes) {
  for (auto spare = spare_.begin(); spare != spare_.end(); ++spare) {
    if (static_cast<size_t>(spare->numel()) < bytes) continue;
    at::Tensor found = std::move(*spare);
    spare_.erase(spare);
    return found;
  }
  spare_.clear();
  return at::empty({static_cast<int64_t>(bytes)}, at::dtype(at::kByte).device(device_));
}

void Workspace::give_back(at::Tensor&& buffer) {
  // One is enough for a step; more come from passes that were waiting together.
  if (spare_.empty()) spare_.push_back(std::move(buffer));
}

}  // namespace kappa
