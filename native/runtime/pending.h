// Tensors that queued calls will give: what lets a call take the promise of an earlier one for a tensor.
#pragma once
#include <ATen/core/Tensor.h>
#include <napi.h>

#include <exception>
#include <memory>
#include <unordered_map>

namespace kappa {

/// What a queued call comes to, for the calls queued behind it. Written and read on the compute thread only.
struct PendingTensor {
  at::Tensor value;
  std::exception_ptr error;
};

/// The pending tensors of one environment, found by their promises, on which their number is marked.
/// JavaScript thread only.
class PendingTensors {
 public:
  explicit PendingTensors(Napi::Env env);

  /// Marks a promise as that of the tensor, until `settle`.
  int64_t add(Napi::Env env, napi_value promise, const std::shared_ptr<PendingTensor>& tensor);
  /// Throws ERR_ARGUMENT for any other promise, and for one that is settled.
  std::shared_ptr<PendingTensor> find(Napi::Env env, napi_value promise) const;
  /// Lets go of a tensor: the calls that need it hold it themselves.
  void settle(int64_t number) { tensors_.erase(number); }

  /// The environment ends, and takes the mark with it: no call will ask for a tensor any more.
  void close() {
    mark_.SuppressDestruct();
    tensors_.clear();
  }

 private:
  Napi::Reference<Napi::Symbol> mark_;
  std::unordered_map<int64_t, std::shared_ptr<PendingTensor>> tensors_;
  int64_t last_ = 0;
};

}  // namespace kappa
