#include "nn/network.h"

#include <ATen/ATen.h>

#include <map>

#include "nn/iresnet.h"
#include "runtime/error.h"
#include "test/test.h"
#include "test/threads.h"

namespace {

using at::Tensor;
using kappa::iresnet;
using kappa::LayerDescription;
using kappa::LayerKind;
using kappa::Network;
using kappa::Precision;
using kappa::Topology;

bool names_counter(const std::string& name) {
  const std::string end = ".num_batches_tracked";
  return name.size() > end.size() && name.compare(name.size() - end.size(), end.size(), end) == 0;
}

TEST("a table refuses inputs that come later, too few of them, names used twice and sums of unlike shapes") {
  Topology table(16);
  const size_t first = table.add({.kind = LayerKind::convolution, .name = "a", .inputs = {0}, .channels = 4});
  EXPECT_ERROR(table.add({.kind = LayerKind::prelu, .name = "b", .inputs = {2}}), "ERR_INTERNAL");
  EXPECT_ERROR(table.add({.kind = LayerKind::prelu, .name = "b"}), "ERR_INTERNAL");
  EXPECT_ERROR(table.add({.kind = LayerKind::prelu, .name = "a", .inputs = {first}}), "ERR_INTERNAL");
  EXPECT_ERROR(table.add({.kind = LayerKind::sum, .inputs = {first}}), "ERR_INTERNAL");
  EXPECT_ERROR(table.add({.kind = LayerKind::sum, .inputs = {first, 0}}), "ERR_INTERNAL");
  EXPECT_ERROR(table.add({.kind = LayerKind::linear, .name = "b", .inputs = {first}, .channels = 2}),
               "ERR_INTERNAL");
  EXPECT(table.layers().size() == 2);
}

TEST("a table tells the shapes that the layers give") {
  Network network(iresnet({{1, 2, 1, 1}, 0.25, 24, 0.4, 48}), Precision::float32, at::kCPU);
  network.initialize();
  network.trace(true);
  at::NoGradGuard guard;
  network.forward(at::randn({3, 3, 48, 48}), true);
  std::map<std::string, int64_t> bytes;
  for (const auto& layer : network.traced()->outputs()) bytes[layer.layer] = layer.bytes;
  const Topology& table = network.topology();
  size_t named = 0;
  for (size_t place = 1; place < table.layers().size(); ++place) {
    const std::string& name = table.layers()[place].name;
    if (name.empty()) continue;
    named += 1;
    EXPECT(bytes.at(name) == (table.is_kept(place) ? 3 * 4 * table.shape(place).size() : 0));
  }
  EXPECT(named == bytes.size());
  EXPECT(bytes.at("layer2.0.bn3") == 0);           // goes into a sum alone
  EXPECT(bytes.at("layer2.0.downsample.1") == 0);  // likewise
  EXPECT(bytes.at("layer2.0") > 0);                // into the next block
}

TEST("any table that holds together is a network, one that adds an output to itself among them") {
  at::manual_seed(3);
  Topology table(16);
  size_t x =
      table.add({.kind = LayerKind::convolution, .name = "a", .inputs = {0}, .channels = 2, .stride = 2});
  x = table.add({.kind = LayerKind::sum, .name = "twice", .inputs = {x, x}});
  x = table.add({.kind = LayerKind::flatten, .inputs = {x}});
  table.add({.kind = LayerKind::linear, .name = "b", .inputs = {x}, .channels = 5});
  Network network(table, Precision::float32, at::kCPU);
  network.initialize();
  at::NoGradGuard guard;
  const Tensor images = at::randn({2, 3, 16, 16});
  std::map<std::string, Tensor> all;
  for (const auto& [name, tensor] : network.parameters()) all[name] = tensor;
  const Tensor y = 2 * at::conv2d(images, all.at("a.weight"), {}, 2);
  const Tensor expected = at::linear(y.flatten(1), all.at("b.weight"), all.at("b.bias"));
  EXPECT(at::allclose(network.forward(images, false), expected, 1e-5, 1e-5));
}

TEST("a network on another device has everything there but the batch counter, which is on the host") {
  // The meta device holds no numbers, and has no convolutions: it stands for a GPU as far as places go.
  Network network(iresnet({{1, 1, 1, 1}, 0.25, 24, 0.4, 32}), Precision::bfloat16, at::Device("meta"));
  network.initialize();
  for (const auto& [name, tensor] : network.parameters()) EXPECT(tensor.is_meta());
  for (const auto& [name, tensor] : network.buffers()) {
    EXPECT(names_counter(name) ? tensor.is_cpu() : tensor.is_meta());
  }
  network.keep_buffers();
  network.restore_buffers();
  network.follow(network, 0.9);
}

TEST("one counter stands under every name, and is kept, restored, followed and written with the buffers") {
  const auto make = [] {
    return std::make_unique<Network>(iresnet({{1, 1, 1, 1}, 0.125, 8, 0, 16}), Precision::float32, at::kCPU);
  };
  const auto network = make();
  network->initialize();
  const auto counts = [](const Network& from) {
    std::vector<int64_t> found;
    for (const auto& [name, tensor] : from.buffers()) {
      if (names_counter(name)) found.push_back(tensor.item<int64_t>());
    }
    return found;
  };
  const size_t norms = counts(*network).size();
  EXPECT(norms == 1 + 4 * 4 + 2);
  EXPECT_ERROR(network->restore_buffers(), "ERR_INTERNAL");
  at::NoGradGuard guard;
  const Tensor images = at::randn({2, 3, 16, 16});
  network->forward(images, true);
  network->keep_buffers();
  network->forward(images, true);
  network->forward(images, false);
  EXPECT(counts(*network) == std::vector<int64_t>(norms, 2));
  const auto other = make();
  other->initialize();
  other->follow(*network, 0.5);
  network->restore_buffers();
  EXPECT(counts(*network) == std::vector<int64_t>(norms, 1));
  EXPECT(counts(*other) == std::vector<int64_t>(norms, 2));
  // As a checkpoint is loaded: through the tensors of the state.
  for (const auto& [name, tensor] : network->buffers()) {
    if (names_counter(name)) tensor.fill_(7);
  }
  network->forward(images, true);
  EXPECT(counts(*network) == std::vector<int64_t>(norms, 8));
}

TEST("images that are embedded in pieces give what they give by themselves, or layer by layer") {
  for (const Precision precision : {Precision::float32, Precision::bfloat16}) {
    at::manual_seed(4);
    Network network(iresnet({{1, 2, 1, 1}, 0.25, 24, 0.4, 32}), precision, at::kCPU);
    network.initialize();
    const Tensor images = at::randn({37, 3, 32, 32});
    network.forward(images, true);  // statistics that are not those of the start
    const Tensor whole = network.forward(images, false).detach();
    const at::NoGradGuard guard;
    std::vector<Tensor> pieces;
    for (const Tensor& piece : images.split(8)) pieces.push_back(network.forward(piece, false));
    const auto with_threads = [&](int threads) {
      const kappa::Threads given(threads);
      Tensor embeddings = network.forward(images, false);
      EXPECT(at::get_num_threads() == threads);
      return embeddings;
    };
    const Tensor alone = with_threads(1);
    EXPECT(at::equal(with_threads(2), alone));
    const Tensor layers = with_threads(3);  // five pieces are too few
    const double bound = precision == Precision::float32 ? 1e-5 : 2e-2;
    const auto off = [&](const Tensor& other) {
      return ((alone - other).norm() / alone.norm()).item<double>();
    };
    EXPECT(off(at::cat(pieces)) < bound && off(whole) < bound && off(layers) < bound);
    EXPECT(alone.sizes() == whole.sizes() && alone.is_contiguous() && !alone.requires_grad());
  }
}

}  // namespace
