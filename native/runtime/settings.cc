// Process-wide settings: threads, allocator, random state, what this build is.
#include "runtime/settings.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/version.h>

#include "runtime/call.h"
#include "runtime/device.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace kappa {
namespace {

// Tensors of the same sizes come and go at every step. glibc would give each back to the kernel and fault it
// in again, which costs a third of the training time; memory once touched is kept instead.
void retain_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, -1);
  mallopt(M_TOP_PAD, 64 << 20);
  mallopt(M_ARENA_MAX, 4);
#endif
}

at::Generator generator_of(const at::Device& device) {
  require_device(device);
  return at::globalContext().defaultGenerator(device);
}

}  // namespace

void register_settings(Registry& registry) {
  retain_freed_memory();
  // oneDNN computes the convolutions; NNPACK would only warn of processors that it does not know.
  at::globalContext().setUserEnabledNNPACK(false);
  registry.raw("initialize", [](const Context& context, const Napi::CallbackInfo& info) -> Napi::Value {
    require(info[0].IsFunction(), "ERR_ARGUMENT", "Expected the error class.");
    context.environment->error_class = Napi::Persistent(info[0].As<Napi::Function>());
    context.environment->debug = FromJs<bool>::get(context, info[1]);
    return context.env.Undefined();
  });
  registry.raw("setGradEnabled", [](const Context& context, const Napi::CallbackInfo& info) -> Napi::Value {
    context.environment->grad_enabled = FromJs<bool>::get(context, info[0]);
    return context.env.Undefined();
  });
  registry.raw("liveTensors", [](const Context& context, const Napi::CallbackInfo&) -> Napi::Value {
    return ToJs<std::tuple<int64_t, int64_t>>::make(
        context, {context.environment->live_tensors, context.environment->live_bytes});
  });
  registry.sync("buildInfo", [] {
    return std::tuple<std::string, std::string, bool>(TORCH_VERSION, at::show_config(), at::hasCUDA());
  });
  registry.async("setThreads", [](int64_t threads) {
    require(threads > 0 && threads <= 4096, "ERR_ARGUMENT", "Expected 1 to 4096 threads but received ",
            threads, ".");
    at::set_num_threads(static_cast<int>(threads));
  });
  registry.async("getThreads", [] { return static_cast<int64_t>(at::get_num_threads()); });
  registry.async("manualSeed", [](int64_t seed) { at::manual_seed(static_cast<uint64_t>(seed)); });
  registry.async("getRandomState", [](const at::Device& device) {
    auto generator = generator_of(device);
    std::lock_guard<std::mutex> lock(generator.mutex());
    return generator.get_state();
  });
  registry.async("setRandomState", [](const at::Tensor& state, const at::Device& device) {
    auto generator = generator_of(device);
    std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_state(state);
  });
  // Resolves once everything queued before has run.
  registry.async("synchronize", [] {});
}

}  // namespace kappa
