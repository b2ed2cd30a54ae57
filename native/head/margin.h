// The mathematics of margin softmax, for host and device: the one definition that every kernel includes.
//
// With c = cos(theta) the cosine between an embedding and the centre of its class, and m the margin of that
// class, the target logit before scaling is
//
//   angular    cos(theta + m) = c cos m - sqrt(1 - c^2) sin m          ArcFace; KappaFace with m = psi_y m0
//   cosine     c - m                                                    CosFace
//   combined   cos(m1 theta + m) - m3                                   insightface's combined margin
//
// The angular kind never takes acos, which has no finite derivative at c = +-1: 1 - c^2 is floored instead.
#pragma once
#include <cmath>

#if defined(__CUDACC__) || defined(__HIPCC__)
#define KAPPA_HOST_DEVICE __host__ __device__
#else
#define KAPPA_HOST_DEVICE
#endif

namespace kappa {

enum class MarginKind : int { angular = 0, cosine = 1, combined = 2 };

/// What becomes of an angular target logit where the angle with its margin exceeds pi.
enum class BeyondPi : int {
  none = 0,  // the plain cosine: it rises again
  // It goes on falling with derivative 1: as c - m sin m (the combined kind with m1 other than 1: as the
  // straight line through -1 where the angle with its margin is pi).
  extend = 1,
};

/// How a margin changes the target logit; the margin itself differs from class to class.
struct MarginFunction {
  MarginKind kind = MarginKind::angular;
  BeyondPi beyond_pi = BeyondPi::extend;
  double angle_factor = 1;   // m1 of the combined kind
  double cosine_margin = 0;  // m3 of the combined kind
};

/// Vectors that are no longer than this have no direction: their unit vector and their gradient are zero.
constexpr double least_length = 1e-12;

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

// On the device sin and cos of any angle need local memory for huge ones; half turns do not.
KAPPA_HOST_DEVICE inline float cosine_of(float angle) {
#ifdef __CUDA_ARCH__
  return cospif(angle * 0.318309886183790672f);
#else
  return std::cos(angle);
#endif
}
KAPPA_HOST_DEVICE inline float sine_of(float angle) {
#ifdef __CUDA_ARCH__
  return sinpif(angle * 0.318309886183790672f);
#else
  return std::sin(angle);
#endif
}
KAPPA_HOST_DEVICE inline double cosine_of(double angle) { return std::cos(angle); }
KAPPA_HOST_DEVICE inline double sine_of(double angle) { return std::sin(angle); }

template <class T>
KAPPA_HOST_DEVICE inline T clamp_cosine(T c) {
  return c < T(-1) ? T(-1) : (c > T(1) ? T(1) : c);
}

/// sin(theta) from cos(theta), its square floored.
template <class T>
KAPPA_HOST_DEVICE inline T floored_sine(T c, T floor) {
  const T squared = T(1) - c * c;
  return std::sqrt(squared > floor ? squared : floor);
}

template <class T>
KAPPA_HOST_DEVICE inline TargetLogit<T> angular_logit(T c, T m, BeyondPi beyond_pi, T floor) {
  const T cos_m = cosine_of(m);
  const T sin_m = sine_of(m);
  // theta + m > pi, since the cosine falls on [0, pi].
  if (beyond_pi == BeyondPi::extend && c < -cos_m) return {c - m * sin_m, T(1)};
  return {c * cos_m - floored_sine(c, T(0)) * sin_m, cos_m + c * sin_m / floored_sine(c, floor)};
}

template <class T>
KAPPA_HOST_DEVICE inline TargetLogit<T> combined_logit(T c, T m, const MarginFunction& function, T floor) {
  const T m1 = static_cast<T>(function.angle_factor);
  const T m3 = static_cast<T>(function.cosine_margin);
  if (m1 == T(1)) {
    const TargetLogit<T> logit = angular_logit(c, m, function.beyond_pi, floor);
    return {logit.value - m3, logit.derivative};
  }
  const T pi = static_cast<T>(3.14159265358979323846);
  const T angle = m1 * std::acos(c) + m;
  if (function.beyond_pi == BeyondPi::extend && angle > pi) {
    const T turning = cosine_of((pi - m) / m1);
    return {c - turning - T(1) - m3, T(1)};
  }
  return {cosine_of(angle) - m3, m1 * sine_of(angle) / floored_sine(c, floor)};
}

/// The unscaled target logit. Value and derivative are finite for every c in [-1, 1].
/// @param c cosine, in [-1, 1]
/// @param m margin of the class: in [0, pi] for the angles, in cosine for the cosine kind
/// @param floor of 1 - c^2 where it is divided by: where the embeddings have float32's digits, use float32's
template <class T>
KAPPA_HOST_DEVICE inline TargetLogit<T> target_logit(T c, T m, const MarginFunction& function,
                                                     T floor = MarginEpsilon<T>::value) {
  switch (function.kind) {
    case MarginKind::cosine:
      return {c - m, T(1)};
    case MarginKind::combined:
      return combined_logit(c, m, function, floor);
    default:
      return angular_logit(c, m, function.beyond_pi, floor);
  }
}

/// Inter-class filtering (arcface_torch): a cosine to another class above the threshold is taken for a wrong
/// label; its logit becomes 0 and has no gradient. A threshold of 1 or more filters nothing.
template <class T>
KAPPA_HOST_DEVICE inline bool is_filtered(T cosine, T threshold) {
  // Rounding puts a cosine of 1 above 1.
  return threshold < T(1) && cosine > threshold;
}

}  // namespace kappa
