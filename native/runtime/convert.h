// Values across the boundary: JavaScript arguments to C++ ones and C++ results to JavaScript ones. An
// argument is read on the JavaScript thread, before its call is queued, and taken by the function when that
// runs: a tensor may be the result of a call that waits in the queue when it is read.
#pragma once
#include <ATen/core/Tensor.h>
#include <napi.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/describe.h"
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

/// Bytes and nothing else: a Uint8Array, read as SharedBytes are.
struct ByteArray : SharedBytes {};

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

/// The box of a handle, disposed or not.
template <class T>
struct Boxed {
  Box<T>* box;
};

/// The class of the errors that users see.
struct ErrorClass {
  Napi::Function constructor;
};

struct Context {
  Napi::Env env;
  std::shared_ptr<Environment> environment;
  bool queued = false;  // whether the call will run behind those before it, so that it may use their results
};

/// How a C++ argument is read (`get`), how it waits in the queue (`Stored`), how it is used (`take`), and
/// what it is called in the contract (`type`).
template <class T>
struct FromJs;
/// How a C++ result goes to JavaScript (`make`), and what it is called in the contract (`type`).
template <class T>
struct ToJs;

/// Most arguments wait as what they are.
template <class T>
struct ReadAtOnce {
  using Stored = T;
  static T take(T&& value) { return std::move(value); }
};

at::ScalarType dtype_from_name(const std::string& name);
const char* dtype_name(at::ScalarType dtype);

/// What a JavaScript value is, for errors: "a string", "null".
std::string kind_of(Napi::Value value);

#define KAPPA_FROM_JS(T)                                     \
  template <>                                                \
  struct FromJs<T> : ReadAtOnce<T> {                         \
    static T get(const Context& context, Napi::Value value); \
    static std::string type(TypeNames& names, bool queued);  \
  };
KAPPA_FROM_JS(double)
KAPPA_FROM_JS(int64_t)
KAPPA_FROM_JS(bool)
KAPPA_FROM_JS(std::string)
KAPPA_FROM_JS(HostBytes)
KAPPA_FROM_JS(SharedBytes)
KAPPA_FROM_JS(ByteArray)
KAPPA_FROM_JS(ErrorClass)
KAPPA_FROM_JS(at::ScalarType)
KAPPA_FROM_JS(at::Device)
#undef KAPPA_FROM_JS

template <>
struct FromJs<at::Tensor> {
  using Stored = std::variant<at::Tensor, std::shared_ptr<PendingTensor>>;
  static Stored get(const Context& context, Napi::Value value);
  static at::Tensor take(Stored&& stored);
  static std::string type(TypeNames& names, bool queued);
};

template <>
struct FromJs<Operand> {
  using Stored = std::variant<double, FromJs<at::Tensor>::Stored>;
  static Stored get(const Context& context, Napi::Value value);
  static Operand take(Stored&& stored);
  static std::string type(TypeNames& names, bool queued);
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
  static std::string type(TypeNames& names, bool queued) {
    return nullable_type(FromJs<T>::type(names, queued));
  }
};

template <class T>
struct FromJs<std::vector<T>> {
  using Stored = std::vector<typename FromJs<T>::Stored>;
  static Stored get(const Context& context, Napi::Value value) {
    require(value.IsArray(), "ERR_ARGUMENT", "Expected an array but received ", kind_of(value), ".");
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
  static std::string type(TypeNames& names, bool queued) {
    return array_type(FromJs<T>::type(names, queued));
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
  static std::string type(TypeNames& names, bool) { return handle_type<std::shared_ptr<T>>(names); }
};

template <class T>
struct FromJs<Boxed<T>> : ReadAtOnce<Boxed<T>> {
  static Boxed<T> get(const Context&, Napi::Value value) { return {&unbox<T>(value)}; }
  static std::string type(TypeNames& names, bool) { return handle_type<T>(names); }
};

template <Enumerated E>
struct FromJs<E> : ReadAtOnce<E> {
  static E get(const Context& context, Napi::Value value) {
    return choice_named<E>(FromJs<std::string>::get(context, value));
  }
  static std::string type(TypeNames& names, bool) { return choices_type<E>(names); }
};

/// Throws ERR_ARGUMENT unless the value is an object with exactly these fields.
Napi::Object require_fields(Napi::Value value, const char* type, std::span<const char* const> fields);

template <class List>
struct StoredFields;
template <class... F>
struct StoredFields<const std::tuple<F...>> {
  using Type = std::tuple<typename FromJs<typename F::Type>::Stored...>;
};

/// A struct: an object with the fields of its description, all of them and no others.
template <Described T>
struct FromJs<T> {
  using Stored = typename StoredFields<decltype(Fields<T>::list)>::Type;

  static Stored get(const Context& context, Napi::Value value) {
    return std::apply(
        [&](const auto&... field) {
          const char* const names[] = {field.name...};
          const Napi::Object object = require_fields(value, Fields<T>::name, names);
          // Braces: the fields are read from first to last.
          return Stored{read(context, object, field)...};
        },
        Fields<T>::list);
  }
  static T take(Stored&& stored) {
    T result{};
    put(result, stored, std::make_index_sequence<std::tuple_size_v<Stored>>{});
    return result;
  }
  static std::string type(TypeNames& names, bool queued) {
    return fields_type<T>(
        names, [&]<class O, class V>(const Field<O, V>&) { return FromJs<V>::type(names, queued); });
  }

 private:
  template <class O, class V>
  static typename FromJs<V>::Stored read(const Context& context, const Napi::Object& object,
                                         const Field<O, V>& field) {
    try {
      return FromJs<V>::get(context, object.Get(field.name));
    } catch (const Error& error) {
      throw Error(error.code(), text(Fields<T>::name, ".", field.name, ": ", error.what()));
    }
  }
  template <class O, class V>
  static void put_field(T& result, const Field<O, V>& field, typename FromJs<V>::Stored& stored) {
    result.*field.member = FromJs<V>::take(std::move(stored));
  }
  template <size_t... I>
  static void put(T& result, Stored& stored, std::index_sequence<I...>) {
    (put_field(result, std::get<I>(Fields<T>::list), std::get<I>(stored)), ...);
  }
};

#define KAPPA_TO_JS(T)                                          \
  template <>                                                   \
  struct ToJs<T> {                                              \
    static Napi::Value make(const Context& context, T&& value); \
    static std::string type(TypeNames& names);                  \
  };
KAPPA_TO_JS(double)
KAPPA_TO_JS(int64_t)
KAPPA_TO_JS(bool)
KAPPA_TO_JS(std::string)
KAPPA_TO_JS(at::ScalarType)
KAPPA_TO_JS(at::Tensor)
KAPPA_TO_JS(HostArray)
#undef KAPPA_TO_JS

template <>
struct ToJs<void> {
  static std::string type(TypeNames&) { return "void"; }
};

template <class T>
struct ToJs<std::optional<T>> {
  static Napi::Value make(const Context& context, std::optional<T>&& value) {
    if (!value) return context.env.Null();
    return ToJs<T>::make(context, std::move(*value));
  }
  static std::string type(TypeNames& names) { return nullable_type(ToJs<T>::type(names)); }
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
  static std::string type(TypeNames& names) { return array_type(ToJs<T>::type(names)); }
};

template <class T>
struct ToJs<std::shared_ptr<T>> {
  static Napi::Value make(const Context& context, std::shared_ptr<T>&& value) {
    return make_handle(context.env, context.environment, std::move(value));
  }
  static std::string type(TypeNames& names) { return handle_type<std::shared_ptr<T>>(names); }
};

template <Described T>
struct ToJs<T> {
  static Napi::Value make(const Context& context, T&& value) {
    auto object = Napi::Object::New(context.env);
    const auto set = [&]<class O, class V>(const Field<O, V>& field) {
      object.Set(field.name, ToJs<V>::make(context, std::move(value.*field.member)));
    };
    std::apply([&](const auto&... field) { (set(field), ...); }, Fields<T>::list);
    return object;
  }
  static std::string type(TypeNames& names) {
    return fields_type<T>(names, [&]<class O, class V>(const Field<O, V>&) { return ToJs<V>::type(names); });
  }
};

}  // namespace kappa
