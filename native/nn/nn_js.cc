#include "nn/nn_js.h"

#include "nn/convolution_rate.h"
#include "nn/iresnet.h"
#include "runtime/call.h"
#include "runtime/device.h"

namespace kappa {

template <>
struct HandleType<std::shared_ptr<IResNet>> {
  static constexpr napi_type_tag tag = {0x6b61707061666163ULL, 0x0000000000000002ULL};
  static constexpr const char* name = "backbone";
  static constexpr const char* type = "NetworkHandle";
};

template <>
struct Fields<IResNetOptions> {
  static constexpr const char* name = "NetworkOptions";
  static constexpr std::tuple list{Field{"blocks", &IResNetOptions::blocks},
                                   Field{"widthMultiplier", &IResNetOptions::width_multiplier},
                                   Field{"embeddingSize", &IResNetOptions::embedding_size},
                                   Field{"dropout", &IResNetOptions::dropout},
                                   Field{"precision", &IResNetOptions::precision},
                                   Field{"imageSize", &IResNetOptions::image_size},
                                   Field{"device", &IResNetOptions::device}};
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

using Network = std::shared_ptr<IResNet>;

std::vector<NamedTensor> listed(const NamedTensors& named) {
  std::vector<NamedTensor> list;
  for (const auto& [name, tensor] : named) list.push_back({name, tensor});
  return list;
}

}  // namespace

void register_nn(Registry& registry) {
  registry.sync("iresnet", {"options"}, [](const IResNetOptions& options) {
    require_device(options.device);
    return std::make_shared<IResNet>(options);
  });
  registry.async("networkInitialize", {"network"}, [](const Network& network) { network->initialize(); });
  registry.async("networkForward", {"network", "images", "training"},
                 [](const Network& network, const at::Tensor& images, bool training) {
                   return network->forward(images, training);
                 });
  registry.sync("networkParameters", {"network"},
                [](const Network& network) { return listed(network->parameters()); });
  registry.sync("networkBuffers", {"network"},
                [](const Network& network) { return listed(network->buffers()); });
  registry.async("networkFollow", {"network", "source", "momentum"},
                 [](const Network& network, const Network& source, double momentum) {
                   network->follow(*source, momentum);
                 });
  registry.async("networkKeepBuffers", {"network"}, [](const Network& network) { network->keep_buffers(); });
  registry.async("networkRestoreBuffers", {"network"},
                 [](const Network& network) { network->restore_buffers(); });
  registry.async("networkTrace", {"network", "on"}, [](const Network& network, bool on) {
    TracedLayers seen;
    if (const LayerTrace* trace = network->traced()) seen = {trace->outputs(), trace->gradients()};
    network->trace(on);
    return seen;
  });
  registry.sync("disposeNetwork", {"network"},
                [](const Boxed<Network>& network) { dispose_box(*network.box); });
  registry.async("measureConvolution", {"precision", "seconds"},
                 [](Precision precision, double seconds) { return measure_convolution(precision, seconds); });
}

}  // namespace kappa
