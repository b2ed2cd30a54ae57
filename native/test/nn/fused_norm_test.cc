// Fused batch normalisation on the CPU.
#include "nn/fused_norm.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "nn/iresnet.h"
#include "nn/network.h"
#include "test/nn/fused_norm_checks.h"
#include "test/test.h"
#include "test/threads.h"

namespace {

using namespace kappa;
using at::Tensor;
using norm_checks::distance;
using norm_checks::images;

const NormDevice& device() { return *norm_device(at::kCPU); }

TEST("fused batch normalisation gives LibTorch's results and gradients, whatever the number of channels") {
  const std::vector<norm_checks::Type> types = {{at::kFloat, 1e-5}, {at::kBFloat16, 1.5e-2}};
  // Several rows a line, one, and a line that vectors do not divide.
  for (const int64_t channels : {1, 3, 16, 24, 128, 200})
    norm_checks::expect_results_of_libtorch(device(), types, channels);
}

TEST("the gradient of x alone is what comes back along the fork") {
  norm_checks::expect_gradient_of_fork(device());
}

TEST("float16, other layouts and vectors are left to LibTorch") {
  EXPECT(device().takes(images({2, 4, 3, 3}, at::kFloat)) &&
         device().takes(images({2, 4, 3, 3}, at::kBFloat16)));
  EXPECT(!device().takes(images({2, 4, 3, 3}, at::kHalf)));
  EXPECT(!device().takes(at::randn({2, 4, 3, 3})));
  EXPECT(!device().takes(at::randn({2, 4})));
  EXPECT(!device().takes(at::empty({0, 4, 3, 3})));
}

/// Every pass once, over more values than one piece has.
std::vector<Tensor> passes(at::ScalarType type, double offset) {
  at::manual_seed(3);
  const int64_t channels = 24;
  const Tensor x = (images({5, channels, 40, 33}, at::kFloat) * 0.1 + offset).to(type);
  const Tensor upstream = images({5, channels, 40, 33}, type), addend = images({5, channels, 40, 33}, type);
  const auto column = [&] { return at::randn({channels}); };
  const ChannelTensors norm{column(), column(), column(), column(), column() * 0.3};
  const Tensor running_mean = column(), running_variance = column().abs();
  device().statistics(x, norm, running_mean, running_variance, 0.1, 1e-5);
  const Tensor y = at::empty_like(x), by_x = at::empty_like(x);
  device().normalize(x, norm, addend, y);
  const ChannelTensors gradients{{}, {}, column(), column(), column()};
  device().channel_gradients(x, upstream, norm, gradients);
  device().input_gradient(x, upstream, addend, norm, gradients, by_x);
  return {x, norm.mean, norm.inverse,     running_mean,   running_variance,
          y, by_x,      gradients.weight, gradients.bias, gradients.slope};
}

TEST("threads change no bit of it") {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    std::vector<Tensor> alone;
    for (const int threads : {1, 2, 5}) {
      const Threads given(threads);
      const std::vector<Tensor> results = passes(type, 0);
      if (threads == 1) alone = results;
      for (size_t i = 0; i < results.size(); ++i) EXPECT(at::equal(results[i], alone[i]));
    }
  }
}

TEST("statistics lose no digits where the mean is far from 0") {
  const std::vector<Tensor> results = passes(at::kFloat, 1000);
  const Tensor x = results[0].to(at::kDouble);
  const Tensor variance = x.var({0, 2, 3}, false);
  EXPECT(distance(results[1], x.mean({0, 2, 3})) < 1e-7);
  EXPECT(distance(results[2], (variance + 1e-5).rsqrt()) < 1e-5);
}

TEST("what is not finite stays so, in the statistics and in what is normalised") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    for (const float value : {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity}) {
      Tensor x = images({2, 8, 4, 4}, type);
      x[1][3][2][2] = value;
      const auto constant = [](double of) { return at::full({8}, of); };
      const ChannelTensors norm{constant(0), constant(1), constant(1), constant(0), constant(0.25)};
      const Tensor y = at::empty_like(x);
      device().normalize(x, norm, {}, y);
      const float result = y[1][3][2][2].item<float>();
      EXPECT(std::isnan(value) ? std::isnan(result) : std::isinf(result) && (result > 0) == (value > 0));
      EXPECT(at::isfinite(y).sum().item<int64_t>() == y.numel() - 1);
      device().statistics(x, norm, {}, {}, 0.1, 1e-5);
      EXPECT(!at::isfinite(norm.inverse[3]).item<bool>() || norm.inverse[3].item<float>() == 0);
      EXPECT(at::isfinite(norm.inverse).sum().item<int64_t>() >= 7);
    }
  }
}

TEST("a network trains the same with it and without") {
  const Topology table = iresnet({{1, 2, 1, 1}, 0.125, 12, 0, 32});
  const Tensor faces = at::randn({4, 3, 32, 32});
  const NormDevice* const own = norm_device(at::kCPU);
  const auto trained = [&](const NormDevice* fused) {
    at::manual_seed(9);
    Network network(table, Precision::float32, at::kCPU);
    network.initialize();
    register_norm_device(at::kCPU, fused);
    Tensor embeddings = network.forward(faces, true);
    (embeddings * at::randn({4, 12})).sum().backward();
    register_norm_device(at::kCPU, own);
    std::vector<Tensor> results{embeddings.detach()};
    for (const auto& [name, tensor] : network.parameters()) results.push_back(tensor.grad());
    for (const auto& [name, tensor] : network.buffers()) results.push_back(tensor.clone());
    return results;
  };
  const std::vector<Tensor> actual = trained(own), expected = trained(nullptr);
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT(actual[i].defined() == expected[i].defined());
    if (!actual[i].defined()) continue;
    // Much of what a normalisation takes away has no gradient but rounding.
    const double size = std::fmax(expected[i].to(at::kDouble).norm().item<double>(), 1);
    EXPECT((actual[i] - expected[i]).to(at::kDouble).norm().item<double>() < 2e-5 * size);
  }
}

}  // namespace
