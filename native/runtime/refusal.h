// Why LibTorch refused a call. Its errors have too few classes to tell, and their texts are not for programs.
// The call itself tells: made once more with stand-ins on the meta device, which have shapes and types but no
// numbers, it is refused again if shapes or types were the reason, and accepted with other types if it was
// the types.
#pragma once
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_strided.h>
#include <c10/util/Exception.h>

#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "runtime/convert.h"

namespace kappa {

/// The types of stand-ins.
enum class StandInTypes { given, floats_alike, all_floats, all_integers };

at::Tensor stand_in(const at::Tensor& tensor, StandInTypes types);
Operand stand_in(const Operand& operand, StandInTypes types);
std::vector<at::Tensor> stand_in(const std::vector<at::Tensor>& tensors, StandInTypes types);
std::optional<at::Tensor> stand_in(const std::optional<at::Tensor>& tensor, StandInTypes types);
template <class T>
const T& stand_in(const T& value, StandInTypes) {
  return value;
}
template <Described T>
T stand_in(const T& value, StandInTypes types) {
  T result = value;
  std::apply(
      [&](const auto&... field) { ((result.*field.member = stand_in(value.*field.member, types)), ...); },
      Fields<T>::list);
  return result;
}

/// Arguments that mean the same to a call with stand-ins.
template <class T>
constexpr bool has_stand_in =
    std::is_arithmetic_v<T> || std::is_same_v<T, at::Tensor> || std::is_same_v<T, Operand> ||
    std::is_same_v<T, std::vector<at::Tensor>> || std::is_same_v<T, std::vector<int64_t>> ||
    std::is_same_v<T, at::ScalarType> || std::is_same_v<T, std::string> || Enumerated<T>;
template <class T>
constexpr bool has_stand_in<std::optional<T>> = has_stand_in<T>;
template <class List>
constexpr bool all_have_stand_ins = false;
template <class... F>
constexpr bool all_have_stand_ins<const std::tuple<F...>> = (has_stand_in<typename F::Type> && ...);
template <Described T>
constexpr bool has_stand_in<T> = all_have_stand_ins<decltype(Fields<T>::list)>;

/// Results that a call with stand-ins can have: no numbers.
template <class T>
constexpr bool is_made_of_tensors =
    std::is_void_v<T> || std::is_same_v<T, at::Tensor> || std::is_same_v<T, std::optional<at::Tensor>> ||
    std::is_same_v<T, std::vector<at::Tensor>>;
template <class List>
constexpr bool all_are_tensors = false;
template <class... F>
constexpr bool all_are_tensors<const std::tuple<F...>> = (is_made_of_tensors<typename F::Type> && ...);
template <Described T>
constexpr bool is_made_of_tensors<T> = all_are_tensors<decltype(Fields<T>::list)>;

enum class Answer { accepted, refused, unknown };

template <class F, class... A>
Answer ask_with_stand_ins(const F& function, const std::tuple<A...>& arguments, StandInTypes types) {
  try {
    at::NoGradGuard no_grad;
    std::apply([&](const A&... values) { (void)function(stand_in(values, types)...); }, arguments);
    return Answer::accepted;
  } catch (const c10::NotImplementedError&) {
    return Answer::unknown;
  } catch (const c10::Error&) {
    return Answer::refused;
  } catch (...) {
    return Answer::unknown;
  }
}

/// The code of an error that LibTorch threw when the function was called.
template <class Result, class F, class... A>
const char* code_of_refusal(const F& function, const std::tuple<A...>& arguments) {
  if constexpr ((has_stand_in<A> && ...) && is_made_of_tensors<Result>) {
    if (ask_with_stand_ins(function, arguments, StandInTypes::given) == Answer::refused) {
      for (const auto types :
           {StandInTypes::floats_alike, StandInTypes::all_floats, StandInTypes::all_integers}) {
        if (ask_with_stand_ins(function, arguments, types) == Answer::accepted) return "ERR_DTYPE";
      }
      return "ERR_SHAPE";
    }
  }
  return "ERR_LIBTORCH";
}

}  // namespace kappa
