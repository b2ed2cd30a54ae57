// JavaScript objects that own a native value: opaque, tagged by type, disposable early.
#pragma once
#include <ATen/core/Tensor.h>
#include <napi.h>

#include <memory>

#include "runtime/describe.h"
#include "runtime/environment.h"
#include "runtime/error.h"

namespace kappa {

/// Every native type that JavaScript may hold has a tag, a name for errors and one in the contract (`type`).
template <class T>
struct HandleType;

template <class T>
std::string handle_type(TypeNames& names) {
  return names.add(HandleType<T>::type, "opaque");
}

/// The native value behind a handle; `value` is empty after `dispose`.
template <class T>
struct Box {
  T value;
  std::shared_ptr<Environment> environment;
};

/// Returns the box behind a JavaScript value, or throws what it is instead.
template <class T>
Box<T>& unbox(Napi::Value value) {
  bool matches = false;
  if (value.IsObject()) napi_check_object_type_tag(value.Env(), value, &HandleType<T>::tag, &matches);
  require(matches, "ERR_ARGUMENT", "Expected a native ", HandleType<T>::name,
          " but received something else.");
  void* pointer = nullptr;
  napi_unwrap(value.Env(), value, &pointer);
  require(pointer != nullptr, "ERR_INTERNAL", "A native ", HandleType<T>::name, " has no content.");
  return *static_cast<Box<T>*>(pointer);
}

void track_tensor(Box<at::Tensor>& box);
void dispose_box(Box<at::Tensor>& box) noexcept;

template <class T>
void dispose_box(Box<std::shared_ptr<T>>& box) noexcept {
  if (box.value) release_later(std::move(box.value));
  box.value.reset();
}

template <class T>
Napi::Object make_handle(Napi::Env env, const std::shared_ptr<Environment>& environment, T value) {
  Napi::Object object = Napi::Object::New(env);
  auto box = std::make_unique<Box<T>>(Box<T>{std::move(value), environment});
  auto finalize = [](napi_env, void* data, void*) {
    std::unique_ptr<Box<T>> owned(static_cast<Box<T>*>(data));
    dispose_box(*owned);
  };
  require(napi_wrap(env, object, box.get(), finalize, nullptr, nullptr) == napi_ok, "ERR_INTERNAL",
          "A native object could not be wrapped.");
  // From here on the finalizer owns it, also where a worker is ended in between and the tag is refused.
  Box<T>* owned = box.release();
  if constexpr (std::is_same_v<T, at::Tensor>) track_tensor(*owned);
  require(napi_type_tag_object(env, object, &HandleType<T>::tag) == napi_ok, "ERR_INTERNAL",
          "A native object could not be tagged.");
  return object;
}

template <>
struct HandleType<at::Tensor> {
  static constexpr napi_type_tag tag = {0x6b61707061666163ULL, 0x0000000000000001ULL};
  static constexpr const char* name = "tensor";
  static constexpr const char* type = "TensorHandle";
};

}  // namespace kappa
