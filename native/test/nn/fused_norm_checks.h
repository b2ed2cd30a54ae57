// What a device of fused batch normalisation must do, against LibTorch's operations one by one.
#pragma once
#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "nn/fused_norm.h"
#include "test/test.h"

namespace kappa::norm_checks {

using at::Tensor;

inline double distance(const Tensor& actual, const Tensor& expected) {
  const Tensor difference = actual.to(at::kDouble) - expected.to(at::kDouble);
  return difference.norm().item<double>() / std::fmax(expected.to(at::kDouble).norm().item<double>(), 1e-6);
}

inline Tensor images(at::IntArrayRef shape, at::ScalarType type) {
  return at::randn(shape).to(type).contiguous(at::MemoryFormat::ChannelsLast);
}

struct Outcome {
  Tensor y;
  std::vector<Tensor> gradients, statistics;
};

/// y, what others take of x (times 3), and all gradients: fused on a device, or (null) by LibTorch's
/// operations one by one.
inline Outcome run(const NormDevice* device, at::ScalarType type, bool has_slope, bool has_shortcut,
                   bool forks, int64_t channels = 16) {
  at::manual_seed(5);
  const auto leaf = [](const Tensor& tensor) { return tensor.clone().set_requires_grad(true); };
  const Tensor x = leaf(images({3, channels, 5, 7}, type)),
               shortcut = leaf(images({3, channels, 5, 7}, type));
  const Tensor weight = leaf(at::rand({channels}) + 0.5), bias = leaf(at::randn({channels}) * 0.2),
               slope = leaf(at::rand({channels}) * 0.4);
  const Tensor mean = at::randn({channels}), variance = at::rand({channels}) + 0.5;
  Tensor y, passed = x;
  if (device != nullptr) {
    FusedNormInputs inputs{x, weight, bias, mean, variance};
    if (has_slope) inputs.slope = slope;
    if (has_shortcut) inputs.shortcut = shortcut;
    inputs.forks = forks;
    const FusedNormOutputs outputs = fused_batch_norm(inputs, 0.1, 1e-5, *device);
    y = outputs.y;
    if (forks) passed = outputs.x;
  } else {
    y = at::batch_norm(x.to(at::kDouble), weight.to(at::kDouble), bias.to(at::kDouble), Tensor(), Tensor(),
                       true, 0.1, 1e-5, false);
    at::batch_norm(x.to(at::kFloat), weight, bias, mean, variance, true, 0.1, 1e-5, false);
    if (has_slope) y = at::prelu(y, slope.to(at::kDouble));
    if (has_shortcut) y = y + shortcut;
  }
  // In another layout than the images have.
  const Tensor factors = at::randn({3, channels, 5, 7});
  Tensor total = (y * factors).sum();
  if (forks) total = total + (passed * factors).sum() * 3;
  total.backward();
  return {y, {x.grad(), weight.grad(), bias.grad(), slope.grad(), shortcut.grad()}, {mean, variance}};
}

struct Type {
  at::ScalarType type;
  double bound;
};

/// With slope, shortcut and fork or without.
inline void expect_results_of_libtorch(const NormDevice& device, const std::vector<Type>& types,
                                       int64_t channels) {
  for (const auto& [type, bound] : types) {
    for (const bool has_slope : {false, true}) {
      for (const bool has_shortcut : {false, true}) {
        for (const bool forks : {false, true}) {
          const Outcome actual = run(&device, type, has_slope, has_shortcut, forks, channels);
          const Outcome expected = run(nullptr, type, has_slope, has_shortcut, forks, channels);
          EXPECT(actual.y.scalar_type() == type && actual.y.is_contiguous(at::MemoryFormat::ChannelsLast));
          EXPECT(distance(actual.y, expected.y) < bound);
          for (size_t i = 0; i < actual.gradients.size(); ++i) {
            EXPECT(actual.gradients[i].defined() == expected.gradients[i].defined());
            if (actual.gradients[i].defined())
              EXPECT(distance(actual.gradients[i], expected.gradients[i]) < bound);
          }
          for (size_t i = 0; i < actual.statistics.size(); ++i)
            EXPECT(distance(actual.statistics[i], expected.statistics[i]) < 1e-5);
        }
      }
    }
  }
}

/// Of x alone, the gradient is what comes back along the fork.
inline void expect_gradient_of_fork(const NormDevice& device) {
  const Tensor x = images({2, 8, 3, 3}, at::kFloat).set_requires_grad(true);
  const Tensor weight = at::ones({8}).set_requires_grad(true);
  FusedNormInputs inputs{x, weight, at::zeros({8}), at::zeros({8}), at::ones({8})};
  inputs.forks = true;
  fused_batch_norm(inputs, 0.1, 1e-5, device).x.sum().backward();
  EXPECT(at::equal(x.grad(), at::ones_like(x)));
  EXPECT(!weight.grad().defined());
}

}  // namespace kappa::norm_checks
