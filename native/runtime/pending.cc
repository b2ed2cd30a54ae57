#include "runtime/pending.h"

#include "runtime/error.h"

namespace kappa {

PendingTensors::PendingTensors(Napi::Env env)
    : mark_(Napi::Reference<Napi::Symbol>::New(Napi::Symbol::New(env, "pending tensor"), 1)) {}

int64_t PendingTensors::add(Napi::Env env, napi_value promise, const std::shared_ptr<PendingTensor>& tensor) {
  napi_value number = Napi::Number::New(env, static_cast<double>(last_ + 1));
  require(napi_set_property(env, promise, mark_.Value(), number) == napi_ok, "ERR_INTERNAL",
          "A promise could not be marked.");
  tensors_.emplace(++last_, tensor);
  return last_;
}

std::shared_ptr<PendingTensor> PendingTensors::find(Napi::Env env, napi_value promise) const {
  napi_value number = nullptr;
  int64_t key = 0;
  const bool marked = napi_get_property(env, promise, mark_.Value(), &number) == napi_ok &&
                      napi_get_value_int64(env, number, &key) == napi_ok;
  require(marked, "ERR_ARGUMENT", "Expected a native tensor but received the promise of something else.");
  const auto found = tensors_.find(key);
  require(found != tensors_.end(), "ERR_ARGUMENT", "This promise is settled: pass the tensor that it gave.");
  return found->second;
}

}  // namespace kappa
