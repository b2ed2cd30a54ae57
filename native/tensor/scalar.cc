#include "tensor/scalar.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "runtime/convert.h"
#include "runtime/error.h"

namespace kappa {
namespace {

// As JavaScript writes it, nearly: as many digits as tell it from its neighbours.
std::string number_text(double number) {
  if (std::isnan(number)) return "NaN";
  if (std::isinf(number)) return number > 0 ? "Infinity" : "-Infinity";
  for (int digits = 1;; ++digits) {
    std::ostringstream out;
    out.precision(digits);
    out << number;
    if (digits >= 17 || std::stod(out.str()) == number) return out.str();
  }
}

[[noreturn]] void refuse(at::ScalarType dtype, double number, const std::string& range) {
  throw Error("ERR_ARGUMENT", text("An element of type ", dtype_name(dtype), " cannot be ",
                                   number_text(number), ": expected ", range, "."));
}

/// Checks a number that a floating-point type would make infinite.
template <class T>
void check_magnitude(at::ScalarType dtype, double number) {
  if (!std::isfinite(number)) return;
  const auto rounded = static_cast<T>(static_cast<float>(number));
  if (std::isfinite(static_cast<float>(rounded))) return;
  const auto most = static_cast<double>(std::numeric_limits<T>::max());
  refuse(dtype, number, text("at most ", most, ", or Infinity"));
}

// The ends of int64 as float64 has them: the upper one is the first number beyond.
constexpr double int64_end = 9223372036854775808.0;

template <class T>
void check_range(at::ScalarType dtype, double number) {
  const auto low = static_cast<double>(std::numeric_limits<T>::lowest());
  const auto high = static_cast<double>(std::numeric_limits<T>::max());
  if (number >= low && number <= high) return;
  refuse(dtype, number,
         text("an integer from ", int64_t{std::numeric_limits<T>::lowest()}, " to ",
              int64_t{std::numeric_limits<T>::max()}));
}

bool is_whole(double number) { return std::isfinite(number) && number == std::floor(number); }

/// The number within the range of the type, apart from fractions.
void check_reach(at::ScalarType dtype, double number) {
  switch (dtype) {
    case at::kFloat:
      return check_magnitude<float>(dtype, number);
    case at::kHalf:
      return check_magnitude<at::Half>(dtype, number);
    case at::kBFloat16:
      return check_magnitude<at::BFloat16>(dtype, number);
    case at::kInt:
      return check_range<int32_t>(dtype, number);
    case at::kByte:
      return check_range<uint8_t>(dtype, number);
    case at::kLong:
      if (number >= -int64_end && number < int64_end) return;
      refuse(dtype, number, "an integer of at most 64 bits");
    default:
      return;
  }
}

}  // namespace

at::Scalar element_of(at::ScalarType dtype, double number) {
  if (at::isFloatingType(dtype)) {
    check_reach(dtype, number);
    return number;
  }
  if (dtype == at::kBool) {
    if (number != 0 && number != 1) refuse(dtype, number, "0 or 1");
    return number != 0;
  }
  if (!is_whole(number)) refuse(dtype, number, "an integer");
  check_reach(dtype, number);
  return static_cast<int64_t>(number);
}

at::Scalar operand_for(const at::Tensor& tensor, double number) {
  const at::ScalarType dtype = tensor.scalar_type();
  if (tensor.is_floating_point()) {
    check_reach(dtype, number);
    return number;
  }
  if (!is_whole(number)) return number;
  check_reach(dtype, number);
  if (std::abs(number) >= int64_end) return number;
  return static_cast<int64_t>(number);
}

std::optional<at::Scalar> operand_for(const at::Tensor& tensor, const std::optional<double>& number) {
  if (!number) return std::nullopt;
  return operand_for(tensor, *number);
}

}  // namespace kappa
