// The target logit of margin softmax and its derivative: the one definition that every kernel includes.
//
// With c = cos(theta) the cosine between an embedding and the centre of its class, and m the margin of that
// class:
//
//   angular   t(c) = cos(theta + m) = c cos m - sqrt(1 - c^2) sin m      (ArcFace; KappaFace with m = psi_y *
//   m0) cosine    t(c) = c - m                                                (CosFace)
//
// acos is never taken: it has no finite derivative at c = +-1. 1 - c^2 is floored instead.
#pragma once
#include <cmath>

#if defined(__CUDACC__) || defined(__HIPCC__)
#define KAPPA_HOST_DEVICE __host__ __device__
#else
#define KAPPA_HOST_DEVICE
#endif

namespace kappa {

enum class MarginKind : int { angular = 0, cosine = 1 };

/// What becomes of an angular target logit where theta + m exceeds pi.
enum class BeyondPi : int {
  none = 0,    // cos(theta + m) as it is: it rises again
  extend = 1,  // c - m sin m, with derivative 1: it goes on falling
};

template <class T>
struct TargetLogit {
  T value;
  T derivative;  // d value / d c
};

template <class T>
struct MarginEpsilon;
template <>
struct MarginEpsilon<float> {
  static constexpr float value = 1e-6f;
};
template <>
struct MarginEpsilon<double> {
  static constexpr double value = 1e-12;
};

/// The unscaled target logit.
/// @param c cosine, in [-1, 1]
/// @param m margin of the class, in [0, pi] for the angular kind
template <class T>
KAPPA_HOST_DEVICE inline TargetLogit<T> target_logit(T c, T m, MarginKind kind, BeyondPi beyond_pi) {
  if (kind == MarginKind::cosine) return {c - m, T(1)};
  const T cos_m = std::cos(m);
  const T sin_m = std::sin(m);
  // theta + m > pi, since the cosine falls on [0, pi].
  if (beyond_pi == BeyondPi::extend && c < -cos_m) return {c - m * sin_m, T(1)};
  const T squared = T(1) - c * c;
  const T sine = std::sqrt(squared > MarginEpsilon<T>::value ? squared : MarginEpsilon<T>::value);
  return {c * cos_m - sine * sin_m, cos_m + c * sin_m / sine};
}

}  // namespace kappa
