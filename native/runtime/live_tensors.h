// The tensors that JavaScript holds, counted on its thread.
#pragma once
#include <ATen/core/Tensor.h>

#include <unordered_map>

namespace kappa {

/// Counts handles, and the bytes of what they hold: a storage that several tensors share (a tensor and its
/// views) counts once, whole, as long as one of them lives.
class LiveTensors {
 public:
  int64_t count() const { return count_; }
  int64_t bytes() const { return bytes_; }

  /// @returns bytes that this handle is the first to hold
  int64_t add(const at::Tensor& tensor) {
    count_ += 1;
    if (!tensor.defined() || !tensor.has_storage()) return 0;
    const c10::Storage& storage = tensor.storage();
    auto& shared = storages_[storage.unsafeGetStorageImpl()];
    if (shared.holders++ > 0) return 0;
    shared.bytes = static_cast<int64_t>(storage.nbytes());
    bytes_ += shared.bytes;
    return shared.bytes;
  }

  /// @returns bytes that nobody holds any more
  int64_t remove(const at::Tensor& tensor) {
    count_ -= 1;
    if (!tensor.defined() || !tensor.has_storage()) return 0;
    const auto found = storages_.find(tensor.storage().unsafeGetStorageImpl());
    if (found == storages_.end() || --found->second.holders > 0) return 0;
    const int64_t freed = found->second.bytes;
    bytes_ -= freed;
    storages_.erase(found);
    return freed;
  }

 private:
  struct Shared {
    int64_t holders = 0;
    int64_t bytes = 0;
  };

  int64_t count_ = 0;
  int64_t bytes_ = 0;
  std::unordered_map<const c10::StorageImpl*, Shared> storages_;
};

}  // namespace kappa
