// Process-wide settings: threads, allocator, random state, what this build is.
#include "runtime/settings.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <torch/version.h>

#include <cstdlib>
#include <mutex>

#include "runtime/call.h"
#include "runtime/cpu_allocator.h"
#include "runtime/cpu_features.h"
#include "runtime/cuda.h"
#include "runtime/device.h"

namespace kappa {
namespace {

void set_threads(int64_t threads) {
  require(threads > 0 && threads <= 4096, "ERR_ARGUMENT", "Expected 1 to 4096 threads but received ", threads,
          ".");
  at::set_num_threads(static_cast<int>(threads));
}

class SetThreads : public Job {
 public:
  explicit SetThreads(int64_t threads) : threads_(threads) {}
  void run() noexcept override {
    try {
      set_threads(threads_);
    } catch (...) {
      // LibTorch's own number stays.
    }
  }

 private:
  int64_t threads_;
};

/// The first environment of the process brings the number of threads that suits the machine and its control
/// group; LibTorch would take all processors.
void begin_with_threads(int64_t threads) {
  static std::once_flag once;
  std::call_once(once, [threads] {
    if (std::getenv("OMP_NUM_THREADS") != nullptr) return;
    Executor::instance().submit(std::make_unique<SetThreads>(threads));
  });
}

at::Generator generator_of(const at::Device& device) {
  require_device(device);
  return at::globalContext().defaultGenerator(device);
}

}  // namespace

void register_settings(Registry& registry) {
  restrict_cpu_features();
  install_cpu_allocator();
  // oneDNN computes the convolutions; NNPACK would only warn of processors that it does not know.
  at::globalContext().setUserEnabledNNPACK(false);
  registry.raw("initialize", [](const Context& context, const Napi::CallbackInfo& info) -> Napi::Value {
    require(info[0].IsFunction(), "ERR_ARGUMENT", "Expected the error class.");
    context.environment->error_class = Napi::Persistent(info[0].As<Napi::Function>());
    context.environment->debug = FromJs<bool>::get(context, info[1]);
    const auto threads = FromJs<std::optional<int64_t>>::get(context, info[2]);
    if (threads) begin_with_threads(*threads);
    return context.env.Undefined();
  });
  registry.raw("setGradEnabled", [](const Context& context, const Napi::CallbackInfo& info) -> Napi::Value {
    context.environment->grad_enabled = FromJs<bool>::get(context, info[0]);
    return context.env.Undefined();
  });
  registry.raw("liveTensors", [](const Context& context, const Napi::CallbackInfo&) -> Napi::Value {
    const LiveTensors& live = context.environment->live_tensors;
    return ToJs<std::tuple<int64_t, int64_t>>::make(context, {live.count(), live.bytes()});
  });
  registry.sync("computesFast", [](const std::string& precision, const at::Device& device) {
    require_device(device);
    const Precision asked = precision_named(precision);
    return device.is_cpu() ? cpu_is_fast_in(asked) : cuda_is_fast_in(asked, device);
  });
  registry.sync("cpuMemory", [] {
    const MemoryUse use = cpu_memory();
    return std::tuple<int64_t, int64_t, int64_t, int64_t>(use.taken, use.peak_taken, use.reserved,
                                                          use.peak_reserved);
  });
  registry.sync("cpuResetPeakMemory", [] { reset_peak_cpu_memory(); });
  registry.async("cpuEmptyCache", [] { release_cpu_memory(); });
  registry.sync("buildInfo", [] {
    return std::tuple<std::string, std::string, bool>(TORCH_VERSION, at::show_config(), at::hasCUDA());
  });
  registry.async("setThreads", [](int64_t threads) { set_threads(threads); });
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
