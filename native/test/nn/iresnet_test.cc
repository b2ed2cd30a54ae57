#include "nn/iresnet.h"

#include <ATen/ATen.h>

#include <cmath>
#include <map>

#include "nn/network.h"
#include "runtime/error.h"
#include "test/test.h"

namespace {

using at::Tensor;
using kappa::iresnet;
using kappa::LayerKind;
using kappa::Network;
using kappa::Precision;
using kappa::Topology;

/// The same network written with LibTorch's own layers, in evaluation mode.
Tensor reference_forward(const Network& network, const std::vector<int64_t>& blocks, const Tensor& images) {
  std::map<std::string, Tensor> all;
  for (const auto& [name, tensor] : network.parameters()) all[name] = tensor;
  for (const auto& [name, tensor] : network.buffers()) all[name] = tensor;
  auto norm = [&](const Tensor& x, const std::string& name) {
    return at::batch_norm(x, all[name + ".weight"], all[name + ".bias"], all[name + ".running_mean"],
                          all[name + ".running_var"], false, 0.1, 1e-5, false);
  };
  Tensor x = at::conv2d(images, all["conv1.weight"], {}, 1, 1);
  x = at::prelu(norm(x, "bn1"), all["prelu.weight"]);
  for (size_t layer = 0; layer < blocks.size(); ++layer) {
    for (int64_t index = 0; index < blocks[layer]; ++index) {
      const std::string name = kappa::text("layer", layer + 1, ".", index);
      const int64_t stride = index == 0 ? 2 : 1;
      Tensor y = at::conv2d(norm(x, name + ".bn1"), all[name + ".conv1.weight"], {}, 1, 1);
      y = at::prelu(norm(y, name + ".bn2"), all[name + ".prelu.weight"]);
      y = norm(at::conv2d(y, all[name + ".conv2.weight"], {}, stride, 1), name + ".bn3");
      if (all.count(name + ".downsample.0.weight")) {
        x = norm(at::conv2d(x, all[name + ".downsample.0.weight"], {}, stride), name + ".downsample.1");
      }
      x = y + x;
    }
  }
  x = norm(x, "bn2").flatten(1);
  return norm(at::linear(x, all["fc.weight"], all["fc.bias"]), "features");
}

TEST("IResNet computes what its layers compute one by one") {
  at::manual_seed(1);
  const std::vector<int64_t> blocks = {1, 2, 1, 1};
  Network network(iresnet({blocks, 0.25, 24, 0, 32}), Precision::float32, at::kCPU);
  network.initialize();
  at::NoGradGuard guard;
  const Tensor images = at::randn({3, 3, 32, 32});
  network.forward(images, true);  // gives the running statistics something to say
  const Tensor expected = reference_forward(network, blocks, images);
  const Tensor found = network.forward(images, false);
  EXPECT(at::allclose(found, expected, 1e-4, 1e-4));
}

TEST("every trained parameter of IResNet gets a gradient") {
  at::manual_seed(2);
  Network network(iresnet({{1, 1, 1, 1}, 0.25, 8, 0, 32}), Precision::bfloat16, at::kCPU);
  network.initialize();
  network.forward(at::randn({4, 3, 32, 32}), true).square().sum().backward();
  for (const auto& [name, tensor] : network.parameters()) {
    if (name == "features.weight") {
      EXPECT(!tensor.grad().defined());
    } else {
      EXPECT(tensor.grad().defined());
      EXPECT(tensor.grad().isfinite().all().item<bool>());
    }
  }
}

TEST("IResNet refuses images of another size") {
  Network network(iresnet({{1, 1, 1, 1}, 0.25, 8, 0, 32}), Precision::float32, at::kCPU);
  network.initialize();
  EXPECT_ERROR(network.forward(at::zeros({2, 3, 48, 48}), false), "ERR_SHAPE");
  EXPECT_ERROR(network.forward(at::zeros({1, 3, 32, 32}), true), "ERR_SHAPE");
}

TEST("the table of an IResNet has the sizes of the paper's network, and its multiplications") {
  // IResNet-100 as insightface's model zoo has it: 24.2 billion operations, half of them multiplications, and
  // 65.16 million parameters.
  const Topology table = iresnet({{3, 13, 30, 3}, 1, 512, 0, 112});
  int64_t multiplications = 0;
  int64_t parameters = 0;
  for (size_t place = 1; place < table.layers().size(); ++place) {
    const auto& layer = table.layers()[place];
    const int64_t in = table.input_shape(place).channels;
    const auto& out = table.shape(place);
    switch (layer.kind) {
      case LayerKind::convolution:
      case LayerKind::projection:
        multiplications += out.size() * in * layer.kernel * layer.kernel;
        parameters += out.channels * in * layer.kernel * layer.kernel;
        break;
      case LayerKind::linear:
        multiplications += out.size() * in;
        parameters += out.size() * in + out.size();
        break;
      case LayerKind::batch_norm:
        parameters += 2 * in;
        break;
      case LayerKind::prelu:
        parameters += in;
        break;
      default:
        break;
    }
  }
  EXPECT(std::abs(static_cast<double>(multiplications) / 12.1e9 - 1) < 0.01);
  EXPECT(std::abs(static_cast<double>(parameters) / 65.16e6 - 1) < 0.001);
}

}  // namespace
