#include "nn/nn_js.h"

#include "nn/convolution_rate.h"
#include "nn/iresnet.h"
#include "nn/network.h"
#include "runtime/call.h"
#include "runtime/device.h"
#include "runtime/shard_group_js.h"

namespace kappa {

template <>
struct HandleType<std::shared_ptr<Network>> {
  static constexpr napi_type_tag tag = {0x6b61707061666163ULL, 0x0000000000000002ULL};
  static constexpr const char* name = "backbone";
  static constexpr const char* type = "NetworkHandle";
};

/// An IResNet, and how and where it computes.
struct NetworkOptions : IResNetOptions {
  Precision precision = Precision::float32;
  at::Device device = at::kCPU;
};
template <>
struct Fields<NetworkOptions> {
  static constexpr const char* name = "NetworkOptions";
  static constexpr std::tuple list{Field{"blocks", &NetworkOptions::blocks},
                                   Field{"widthMultiplier", &NetworkOptions::width_multiplier},
                                   Field{"embeddingSize", &NetworkOptions::embedding_size},
                                   Field{"dropout", &NetworkOptions::dropout},
                                   Field{"precision", &NetworkOptions::precision},
                                   Field{"imageSize", &NetworkOptions::image_size},
                                   Field{"device", &NetworkOptions::device}};
};

struct NamedTensor {
  std::string name;
  at::Tensor tensor;
};
template <>
struct Fields<NamedTensor> {
  static constexpr const char* name = "NamedTensor";
  static constexpr std::tuple list{Field{"name", &NamedTensor::name}, Field{"tensor", &NamedTensor::tensor}};
};

template <>
struct Fields<LayerValues> {
  static constexpr const char* name = "LayerValues";
  static constexpr std::tuple list{Field{"layer", &LayerValues::layer}, Field{"bytes", &LayerValues::bytes},
                                   Field{"notFinite", &LayerValues::not_finite},
                                   Field{"largest", &LayerValues::largest}};
};

/// What a trace has noted.
struct TracedLayers {
  std::vector<LayerValues> outputs;
  std::vector<LayerValues> gradients;
};
template <>
struct Fields<TracedLayers> {
  static constexpr const char* name = "LayerTrace";
  static constexpr std::tuple list{Field{"outputs", &TracedLayers::outputs},
                                   Field{"gradients", &TracedLayers::gradients}};
};

namespace {

using SharedNetwork = std::shared_ptr<Network>;

std::vector<NamedTensor> listed(const NamedTensors& named) {
  std::vector<NamedTensor> list;
  for (const auto& [name, tensor] : named) list.push_back({name, tensor});
  return list;
}

}  // namespace

void register_nn(Registry& registry) {
  registry.sync("iresnet", {"options"}, [](const NetworkOptions& options) {
    require_device(options.device);
    return std::make_shared<Network>(iresnet(options), options.precision, options.device);
  });
  registry.async("networkInitialize", {"network"},
                 [](const SharedNetwork& network) { network->initialize(); });
  registry.async("networkForward", {"network", "images", "training"},
                 [](const SharedNetwork& network, const at::Tensor& images, bool training) {
                   return network->forward(images, training);
                 });
  registry.sync("networkParameters", {"network"},
                [](const SharedNetwork& network) { return listed(network->parameters()); });
  registry.sync("networkBuffers", {"network"},
                [](const SharedNetwork& network) { return listed(network->buffers()); });
  registry.async("networkFollow", {"network", "source", "momentum"},
                 [](const SharedNetwork& network, const SharedNetwork& source, double momentum) {
                   network->follow(*source, momentum);
                 });
  registry.async("networkKeepBuffers", {"network"},
                 [](const SharedNetwork& network) { network->keep_buffers(); });
  registry.async("networkRestoreBuffers", {"network"},
                 [](const SharedNetwork& network) { network->restore_buffers(); });
  registry.async("networkMergeStatistics", {"network", "group"},
                 [](const SharedNetwork& network, const std::shared_ptr<ShardGroup>& group) {
                   network->merge_statistics(*group);
                 });
  registry.async("networkNormalizeOver", {"network", "group"},
                 [](const SharedNetwork& network, const MaybeGroup& group) {
                   network->set_batch_group(group.value_or(nullptr));
                 });
  registry.async("networkTrace", {"network", "on"}, [](const SharedNetwork& network, bool on) {
    TracedLayers seen;
    if (const LayerTrace* trace = network->traced()) seen = {trace->outputs(), trace->gradients()};
    network->trace(on);
    return seen;
  });
  registry.sync("disposeNetwork", {"network"},
                [](const Boxed<SharedNetwork>& network) { dispose_box(*network.box); });
  registry.async("measureConvolution", {"precision", "seconds"},
                 [](Precision precision, double seconds) { return measure_convolution(precision, seconds); });
}

}  // namespace kappa
