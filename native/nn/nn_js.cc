#include "nn/nn_js.h"

#include "nn/convolution_rate.h"
#include "nn/iresnet.h"
#include "nn/network.h"
#include "runtime/call.h"
#include "runtime/device.h"

namespace kappa {

template <>
struct HandleType<std::shared_ptr<Network>> {
  static constexpr napi_type_tag tag = {0x6b61707061666163ULL, 0x0000000000000002ULL};
  static constexpr const char* name = "backbone";
};

namespace {

using SharedNetwork = std::shared_ptr<Network>;

std::tuple<std::vector<std::string>, std::vector<at::Tensor>> unzip(const NamedTensors& named) {
  std::tuple<std::vector<std::string>, std::vector<at::Tensor>> result;
  for (const auto& [name, tensor] : named) {
    std::get<0>(result).push_back(name);
    std::get<1>(result).push_back(tensor);
  }
  return result;
}

using LayerRows =
    std::tuple<std::vector<std::string>, std::vector<double>, std::vector<double>, std::vector<double>>;

LayerRows rows_of(const std::vector<LayerValues>& layers) {
  LayerRows rows;
  for (const auto& [layer, bytes, not_finite, largest] : layers) {
    std::get<0>(rows).push_back(layer);
    std::get<1>(rows).push_back(static_cast<double>(bytes));
    std::get<2>(rows).push_back(static_cast<double>(not_finite));
    std::get<3>(rows).push_back(largest);
  }
  return rows;
}

}  // namespace

void register_nn(Registry& registry) {
  registry.sync("iresnet", [](const std::vector<int64_t>& blocks, double width_multiplier,
                              int64_t embedding_size, double dropout, const std::string& precision,
                              int64_t image_size, const at::Device& device) {
    require_device(device);
    return std::make_shared<Network>(iresnet({blocks, width_multiplier, embedding_size, dropout, image_size}),
                                     precision_named(precision), device);
  });
  registry.async("iresnetInitialize", [](const SharedNetwork& network) { network->initialize(); });
  registry.async("iresnetForward", [](const SharedNetwork& network, const at::Tensor& images, bool training) {
    return network->forward(images, training);
  });
  registry.sync("iresnetParameters",
                [](const SharedNetwork& network) { return unzip(network->parameters()); });
  registry.sync("iresnetBuffers", [](const SharedNetwork& network) { return unzip(network->buffers()); });
  registry.async("iresnetFollow", [](const SharedNetwork& network, const SharedNetwork& source,
                                     double momentum) { network->follow(*source, momentum); });
  registry.async("iresnetKeepBuffers", [](const SharedNetwork& network) { network->keep_buffers(); });
  registry.async("iresnetRestoreBuffers", [](const SharedNetwork& network) { network->restore_buffers(); });
  registry.async("measureConvolution", [](const std::string& precision, double seconds) {
    return measure_convolution(precision_named(precision), seconds);
  });
  registry.async("iresnetTrace", [](const SharedNetwork& network, bool on) {
    std::tuple<LayerRows, LayerRows> seen;
    if (const LayerTrace* trace = network->traced()) {
      seen = {rows_of(trace->outputs()), rows_of(trace->gradients())};
    }
    network->trace(on);
    return seen;
  });
  registry.raw("disposeNetwork", [](const Context& context, const Napi::CallbackInfo& info) -> Napi::Value {
    dispose_box(unbox<SharedNetwork>(info[0]));
    return context.env.Undefined();
  });
}

}  // namespace kappa
