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
};

namespace {

using Network = std::shared_ptr<IResNet>;

std::tuple<std::vector<std::string>, std::vector<at::Tensor>> unzip(const NamedTensors& named) {
  std::tuple<std::vector<std::string>, std::vector<at::Tensor>> result;
  for (const auto& [name, tensor] : named) {
    std::get<0>(result).push_back(name);
    std::get<1>(result).push_back(tensor);
  }
  return result;
}

}  // namespace

void register_nn(Registry& registry) {
  registry.sync("iresnet", [](const std::vector<int64_t>& blocks, double width_multiplier,
                              int64_t embedding_size, double dropout, const std::string& precision,
                              int64_t image_size, const at::Device& device) {
    require_device(device);
    return std::make_shared<IResNet>(IResNetOptions{blocks, width_multiplier, embedding_size, dropout,
                                                    precision_named(precision), image_size, device});
  });
  registry.async("iresnetInitialize", [](const Network& network) { network->initialize(); });
  registry.async("iresnetForward", [](const Network& network, const at::Tensor& images, bool training) {
    return network->forward(images, training);
  });
  registry.sync("iresnetParameters", [](const Network& network) { return unzip(network->parameters()); });
  registry.sync("iresnetBuffers", [](const Network& network) { return unzip(network->buffers()); });
  registry.async("iresnetFollow", [](const Network& network, const Network& source, double momentum) {
    network->follow(*source, momentum);
  });
  registry.async("iresnetKeepBuffers", [](const Network& network) { network->keep_buffers(); });
  registry.async("iresnetRestoreBuffers", [](const Network& network) { network->restore_buffers(); });
  registry.async("measureConvolution", [](const std::string& precision, double seconds) {
    return measure_convolution(precision_named(precision), seconds);
  });
  registry.raw("disposeNetwork", [](const Context& context, const Napi::CallbackInfo& info) -> Napi::Value {
    dispose_box(unbox<Network>(info[0]));
    return context.env.Undefined();
  });
}

}  // namespace kappa
