// Values across the boundary: JavaScript arguments to C++ ones and C++ results to JavaScript ones. An
// argument is read on the JavaScript thread, before its call is queued, and taken by the function when that
// runs: a tensor may be the result of a call that waits in the queue when it is read.
#pragma once
#include <ATen/core/Tensor.h>
#include <napi.h>

#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/environment.h"
#include "runtime/handle.h"
#include "runtime/pending.h"

namespace kappa {

/// The elements of a TypedArray as they were at the call: a copy, since JavaScript may change, shrink or
/// transfer an ArrayBuffer at any time after it.
struct HostBytes {
  at::Tensor content;  // uint8 (bytes)
  at::ScalarType dtype = at::kByte;

  const uint8_t* data() const { return content.const_data_ptr<uint8_t>(); }
  size_t bytes() const { return static_cast<size_t>(content.numel()); }
};

/// The same without a copy where they lie in a SharedArrayBuffer: nobody can take that memory away. What
/// other threads write there meanwhile is seen.
struct SharedBytes : HostBytes {};

/// A tensor or a number, as in `a.add(b)` and `a.add(1)`.
struct Operand {
  at::Tensor tensor;
  double number = 0;
  bool is_tensor() const { return tensor.defined(); }
};

/// A CPU tensor that goes to JavaScript as a TypedArray of its elements.
struct HostArray {
  at::Tensor tensor;
};

struct Context {
  Napi::Env env;
  std::shared_ptr<Environment> environment;
  bool queued = false;  // whether the call will wait for those before it, so that it may use their results
};

/// How a C++ argument is read (`get`), how it waits in the queue (`Stored`), and how it is used (`take`).
template <class T>
struct FromJs;

/// Most arguments wait as what they are.
template <class T>
struct ReadAtOnce {
  using Stored = T;
  static T take(T&& value) { return std::move(value); }
};
template <class T>
struct ToJs;

at::ScalarType dtype_from_name(const std::string& name);
const char* dtype_name(at::ScalarType dtype);

#define KAPPA_FROM_JS(type)                                     \
  template <>                                                   \
  struct FromJs<type> : ReadAtOnce<type> {                      \
    static type get(const Context& context, Napi::Value value); \
  };
KAPPA_FROM_JS(double)
KAPPA_FROM_JS(int64_t)
KAPPA_FROM_JS(bool)
KAPPA_FROM_JS(std::string)
KAPPA_FROM_JS(HostBytes)
KAPPA_FROM_JS(SharedBytes)
KAPPA_FROM_JS(at::ScalarType)
KAPPA_FROM_JS(at::Device)
#undef KAPPA_FROM_JS

template <>
struct FromJs<at::Tensor> {
  using Stored = std::variant<at::Tensor, std::shared_ptr<PendingTensor>>;
  static Stored get(const Context& context, Napi::Value value);
  static at::Tensor take(Stored&& stored);
};

template <>
struct FromJs<Operand> {
  using Stored = std::variant<double, FromJs<at::Tensor>::Stored>;
  static Stored get(const Context& context, Napi::Value value);
  static Operand take(Stored&& stored);
};

template <class T>
struct FromJs<std::optional<T>> {
  using Stored = std::optional<typename FromJs<T>::Stored>;
  static Stored get(const Context& context, Napi::Value value) {
    if (value.IsNull() || value.IsUndefined()) return std::nullopt;
    return FromJs<T>::get(context, value);
  }
  static std::optional<T> take(Stored&& stored) {
    if (!stored) return std::nullopt;
    return FromJs<T>::take(std::move(*stored));
  }
};

template <class T>
struct FromJs<std::vector<T>> {
  using Stored = std::vector<typename FromJs<T>::Stored>;
  static Stored get(const Context& context, Napi::Value value) {
    require(value.IsArray(), "ERR_ARGUMENT", "Expected an array.");
    auto array = value.As<Napi::Array>();
    Stored result;
    result.reserve(array.Length());
    for (uint32_t i = 0; i < array.Length(); ++i) result.push_back(FromJs<T>::get(context, array.Get(i)));
    return result;
  }
  static std::vector<T> take(Stored&& stored) {
    if constexpr (std::is_same_v<Stored, std::vector<T>>) {
      return std::move(stored);
    } else {
      std::vector<T> result;
      result.reserve(stored.size());
      for (auto& item : stored) result.push_back(FromJs<T>::take(std::move(item)));
      return result;
    }
  }
};

template <class T>
struct FromJs<std::shared_ptr<T>> : ReadAtOnce<std::shared_ptr<T>> {
  static std::shared_ptr<T> get(const Context&, Napi::Value value) {
    auto pointer = unbox<std::shared_ptr<T>>(value).value;
    require(pointer != nullptr, "ERR_DISPOSED", "This ", HandleType<std::shared_ptr<T>>::name,
            " has been disposed.");
    return pointer;
  }
};

#define KAPPA_TO_JS(type)                                          \
  template <>                                                      \
  struct ToJs<type> {                                              \
    static Napi::Value make(const Context& context, type&& value); \
  };
KAPPA_TO_JS(double)
KAPPA_TO_JS(int64_t)
KAPPA_TO_JS(bool)
KAPPA_TO_JS(std::string)
KAPPA_TO_JS(at::Tensor)
KAPPA_TO_JS(HostArray)
#undef KAPPA_TO_JS

template <class T>
struct ToJs<std::optional<T>> {
  static Napi::Value make(const Context& context, std::optional<T>&& value) {
    if (!value) return context.env.Null();
    return ToJs<T>::make(context, std::move(*value));
  }
};

template <class T>
struct ToJs<std::vector<T>> {
  static Napi::Value make(const Context& context, std::vector<T>&& values) {
    auto array = Napi::Array::New(context.env, values.size());
    for (size_t i = 0; i < values.size(); ++i) {
      array.Set(static_cast<uint32_t>(i), ToJs<T>::make(context, std::move(values[i])));
    }
    return array;
  }
};

template <class... Ts>
struct ToJs<std::tuple<Ts...>> {
  static Napi::Value make(const Context& context, std::tuple<Ts...>&& values) {
    auto array = Napi::Array::New(context.env, sizeof...(Ts));
    fill(context, array, values, std::index_sequence_for<Ts...>{});
    return array;
  }

 private:
  template <size_t... I>
  static void fill(const Context& context, Napi::Array& array, std::tuple<Ts...>& values,
                   std::index_sequence<I...>) {
    (array.Set(static_cast<uint32_t>(I), ToJs<Ts>::make(context, std::move(std::get<I>(values)))), ...);
  }
};

template <class T>
struct ToJs<std::shared_ptr<T>> {
  static Napi::Value make(const Context& context, std::shared_ptr<T>&& value) {
    return make_handle(context.env, context.environment, std::move(value));
  }
};

}  // namespace kappa
