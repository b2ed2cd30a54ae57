// The step of a class centre, for host and device: from the gradient by its unit vector, through the
// normalisation, to a step of stochastic gradient descent.
#pragma once
#include "head/margin.h"

namespace kappa {

/// A step of stochastic gradient descent in the type that computes it.
template <class T>
struct RowStep {
  T lr;
  T momentum;
  T weight_decay;
  bool nesterov;

  /// What the row moves along: gradient and velocity, without a branch.
  KAPPA_HOST_DEVICE T ahead() const { return nesterov ? T(1) : T(0); }
  KAPPA_HOST_DEVICE T follow() const { return nesterov ? momentum : T(1); }
};

/// What the way through the normalisation needs of a row.
template <class T>
struct RowGeometry {
  T inverse;  // 1 / |row|; 0 for a row without a direction
  T along;    // inverse^3 (unit gradient . row): how much of the row the gradient loses
};

template <class T>
KAPPA_HOST_DEVICE inline T inverse_of_square(T square) {
  return square > T(least_length * least_length) ? T(1) / std::sqrt(square) : T(0);
}

template <class T>
KAPPA_HOST_DEVICE inline RowGeometry<T> row_geometry(T dot, T square) {
  const T inverse = inverse_of_square(square);
  return {inverse, (dot * inverse) * (inverse * inverse)};
}

/// An element of the gradient by the raw row.
template <class T>
KAPPA_HOST_DEVICE inline T through_length(T unit_gradient, T value, const RowGeometry<T>& geometry) {
  return unit_gradient * geometry.inverse - value * geometry.along;
}

/// An element of the row after the step; its velocity moves too.
/// @param gradient by the raw row, without weight decay
template <class T>
KAPPA_HOST_DEVICE inline T stepped(T gradient, T value, T* velocity, const RowStep<T>& step) {
  gradient += step.weight_decay * value;
  if (velocity == nullptr) return value - step.lr * gradient;
  const T speed = step.momentum * *velocity + gradient;
  *velocity = speed;
  return value - step.lr * (step.ahead() * gradient + step.follow() * speed);
}

}  // namespace kappa
