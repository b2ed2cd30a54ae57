// Fused batch normalisation on a CUDA device, from the very source of the addon, executed on the CPU: tensors
// are CPU tensors, kernels run as in kernels/cuda/head_test.cc.
#define KAPPA_NORM_PIECES 3  // as in head_test.cc, which the kernels are in
#include "nn/cuda/fused_norm.cc"

#include "nn/iresnet.h"
#include "nn/network.h"
#include "test/test.h"

namespace {

using namespace kappa;
using at::Tensor;

double distance(const Tensor& actual, const Tensor& expected) {
  const Tensor difference = actual.to(at::kDouble) - expected.to(at::kDouble);
  return difference.norm().item<double>() / std::fmax(expected.to(at::kDouble).norm().item<double>(), 1e-6);
}

Tensor images(at::IntArrayRef shape, at::ScalarType type) {
  return at::randn(shape).to(type).contiguous(at::MemoryFormat::ChannelsLast);
}

struct Outcome {
  Tensor y;
  std::vector<Tensor> gradients, statistics;
};

/// y, what others take of x (times 3), and all gradients, fused or by LibTorch's operations one by one.
Outcome run(bool fused, at::ScalarType type, bool has_slope, bool has_shortcut, bool forks) {
  at::manual_seed(5);
  const auto leaf = [](const Tensor& tensor) { return tensor.clone().set_requires_grad(true); };
  const Tensor x = leaf(images({3, 16, 5, 7}, type)), shortcut = leaf(images({3, 16, 5, 7}, type));
  const Tensor weight = leaf(at::rand({16}) + 0.5), bias = leaf(at::randn({16}) * 0.2),
               slope = leaf(at::rand({16}) * 0.4);
  const Tensor mean = at::randn({16}), variance = at::rand({16}) + 0.5;
  Tensor y, passed = x;
  if (fused) {
    FusedNormInputs inputs{x, weight, bias, mean, variance};
    if (has_slope) inputs.slope = slope;
    if (has_shortcut) inputs.shortcut = shortcut;
    inputs.forks = forks;
    const FusedNormOutputs outputs = fused_batch_norm(inputs, 0.1, 1e-5, cuda::norms);
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
  const Tensor factors = at::randn({3, 16, 5, 7});
  Tensor total = (y * factors).sum();
  if (forks) total = total + (passed * factors).sum() * 3;
  total.backward();
  return {y, {x.grad(), weight.grad(), bias.grad(), slope.grad(), shortcut.grad()}, {mean, variance}};
}

TEST(
    "fused batch normalisation gives LibTorch's results and gradients, with slope, shortcut and fork or "
    "without") {
  struct Type {
    at::ScalarType type;
    double bound;
  };
  for (const auto& [type, bound] :
       {Type{at::kFloat, 1e-5}, Type{at::kHalf, 2e-3}, Type{at::kBFloat16, 1.5e-2}}) {
    for (const bool has_slope : {false, true}) {
      for (const bool has_shortcut : {false, true}) {
        for (const bool forks : {false, true}) {
          const Outcome actual = run(true, type, has_slope, has_shortcut, forks);
          const Outcome expected = run(false, type, has_slope, has_shortcut, forks);
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

TEST("of x alone, the gradient is what comes back along the fork") {
  const Tensor x = images({2, 8, 3, 3}, at::kFloat).set_requires_grad(true);
  const Tensor weight = at::ones({8}).set_requires_grad(true);
  FusedNormInputs inputs{x, weight, at::zeros({8}), at::zeros({8}), at::ones({8})};
  inputs.forks = true;
  fused_batch_norm(inputs, 0.1, 1e-5, cuda::norms).x.sum().backward();
  EXPECT(at::equal(x.grad(), at::ones_like(x)));
  EXPECT(!weight.grad().defined());
}

/// As if the CPU were such a device.
struct OnThisDevice {
  OnThisDevice() { register_norm_device(at::kCPU, &cuda::norms); }
  ~OnThisDevice() { register_norm_device(at::kCPU, nullptr); }
};

int normalisations = 0;

/// Counts that the fused way is the one taken.
const NormDevice counting{
    cuda::norms.takes, cuda::norms.statistics,
    [](const Tensor& x, const ChannelTensors& channels, const Tensor& shortcut, const Tensor& y) {
      ++normalisations;
      cuda::norms.normalize(x, channels, shortcut, y);
    },
    cuda::norms.channel_gradients, cuda::norms.input_gradient};

TEST("a network whose lines are fused gives the same embeddings, gradients and statistics") {
  at::manual_seed(8);
  const Topology table = iresnet({{1, 2, 1, 1}, 0.125, 12, 0, 32});
  const Tensor faces = at::randn({4, 3, 32, 32});
  const auto trained = [&](bool fused) {
    at::manual_seed(9);
    Network network(table, Precision::float32, at::kCPU);
    network.initialize();
    const OnThisDevice here;
    register_norm_device(at::kCPU, fused ? &counting : nullptr);
    normalisations = 0;
    Tensor embeddings = network.forward(faces, true);
    (embeddings * at::randn({4, 12})).sum().backward();
    std::vector<Tensor> results{embeddings.detach()};
    for (const auto& [name, tensor] : network.parameters()) results.push_back(tensor.grad());
    for (const auto& [name, tensor] : network.buffers()) results.push_back(tensor.clone());
    const at::NoGradGuard guard;
    results.push_back(network.forward(faces, false));
    // The stem, three in each of five blocks, one for each of four shortcuts that are projected, the last:
    // twice.
    EXPECT(normalisations == (fused ? 2 * (1 + 15 + 4 + 1) : 0));
    return results;
  };
  const std::vector<Tensor> actual = trained(true);
  const std::vector<Tensor> expected = trained(false);
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT(actual[i].defined() == expected[i].defined());
    // Much of what a normalisation takes away has no gradient but rounding.
    const double size =
        std::fmax(expected[i].defined() ? expected[i].to(at::kDouble).norm().item<double>() : 0, 1);
    if (actual[i].defined())
      EXPECT((actual[i] - expected[i]).to(at::kDouble).norm().item<double>() < 2e-5 * size);
  }
}

}  // namespace
