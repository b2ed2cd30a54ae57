// Fused batch normalisation on a CUDA device, from the very source of the addon, executed on the CPU: tensors
// are CPU tensors, kernels run as in kernels/cuda/head_test.cc.
#define KAPPA_NORM_PIECES 3  // as in head_test.cc, which the kernels are in
#include "nn/cuda/fused_norm.cc"

#include "nn/iresnet.h"
#include "nn/network.h"
#include "test/nn/fused_norm_checks.h"
#include "test/test.h"

namespace {

using namespace kappa;
using at::Tensor;

const std::vector<norm_checks::Type> types = {{at::kFloat, 1e-5}, {at::kHalf, 2e-3}, {at::kBFloat16, 1.5e-2}};

TEST(
    "fused batch normalisation on a GPU gives LibTorch's results and gradients, with slope, shortcut and "
    "fork or "
    "without") {
  norm_checks::expect_results_of_libtorch(cuda::norms, types, 16);
}

TEST("on a GPU the gradient of x alone is what comes back along the fork") {
  norm_checks::expect_gradient_of_fork(cuda::norms);
}

/// The CPU's own device is put back in the end.
struct InPlaceOfTheCpu {
  explicit InPlaceOfTheCpu(const NormDevice* device) { register_norm_device(at::kCPU, device); }
  ~InPlaceOfTheCpu() { register_norm_device(at::kCPU, own); }
  const NormDevice* own = norm_device(at::kCPU);
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
    const InPlaceOfTheCpu here(fused ? &counting : nullptr);
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
