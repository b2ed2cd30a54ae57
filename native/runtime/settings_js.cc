// Process-wide settings: threads, allocator, random state, what this build is.
#include "runtime/settings_js.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>

#include <cstdlib>
#include <mutex>

#include "runtime/call.h"
#include "runtime/cpu_allocator.h"
#include "runtime/cpu_features.h"
#include "runtime/cuda_js.h"
#include "runtime/device.h"
#include "runtime/device_settings.h"
#include "runtime/libtorch_version.h"
#include "runtime/memory_js.h"
#include "runtime/thread_cores.h"

namespace kappa {

/// Tensors that JavaScript holds.
struct LiveCount {
  int64_t count = 0;
  int64_t bytes = 0;
};
template <>
struct Fields<LiveCount> {
  static constexpr const char* name = "LiveTensors";
  static constexpr std::tuple list{Field{"count", &LiveCount::count}, Field{"bytes", &LiveCount::bytes}};
};

struct BuildInfo {
  std::string libtorch;
  std::string configuration;
  bool cuda = false;
};
template <>
struct Fields<BuildInfo> {
  static constexpr const char* name = "BuildInfo";
  static constexpr std::tuple list{Field{"libtorch", &BuildInfo::libtorch},
                                   Field{"configuration", &BuildInfo::configuration},
                                   Field{"cuda", &BuildInfo::cuda}};
};

template <>
struct Fields<DeviceSettings> {
  static constexpr const char* name = "DeviceSettings";
  static constexpr std::tuple list{Field{"allowTf32", &DeviceSettings::allow_tf32},
                                   Field{"deterministic", &DeviceSettings::deterministic}};
};

namespace {

void set_threads(int64_t threads) {
  require(threads > 0 && threads <= 4096, "ERR_ARGUMENT", "Expected 1 to 4096 threads but received ", threads,
          ".");
  ThreadCores::instance().release();
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
  require_loaded_libtorch();
  install_cpu_allocator();
  ThreadCores::instance();
  // oneDNN computes the convolutions; NNPACK would only warn of processors that it does not know.
  at::globalContext().setUserEnabledNNPACK(false);
  static std::once_flag defaults;
  std::call_once(defaults, [] { apply(DeviceSettings{}); });
  registry.sync("initialize", {"errorClass", "debug", "threads", "limitsSpinning"},
                [](const Context& context, const ErrorClass& error_class, bool debug,
                   const std::optional<int64_t>& threads, bool limits_spinning) {
                  context.environment->error_class = Napi::Persistent(error_class.constructor);
                  context.environment->debug = debug;
                  ThreadCores::instance().limit_spinning(limits_spinning);
                  if (threads) begin_with_threads(*threads);
                });
  registry.sync("setGradEnabled", {"enabled"},
                [](const Context& context, bool enabled) { context.environment->grad_enabled = enabled; });
  registry.sync("abort", {"reason"}, [](const Context& context, const std::string& reason) {
    Executor::instance().abort(context.environment.get(), reason);
  });
  registry.sync("liveTensors", [](const Context& context) {
    const LiveTensors& live = context.environment->live_tensors;
    return LiveCount{live.count(), live.bytes()};
  });
  registry.sync("computesFast", {"precision", "device"}, [](Precision precision, const at::Device& device) {
    require_device(device);
    return device.is_cpu() ? cpu_is_fast_in(precision) : cuda_is_fast_in(precision, device);
  });
  registry.sync("cpuMemory", [] { return cpu_memory(); });
  registry.sync("cpuResetPeakMemory", [] { reset_peak_cpu_memory(); });
  registry.async("cpuEmptyCache", [] { release_cpu_memory(); });
  registry.sync("buildInfo", [] { return BuildInfo{loaded_libtorch(), at::show_config(), at::hasCUDA()}; });
  registry.async("configureDevice", {"settings"}, [](const DeviceSettings& settings) { apply(settings); });
  registry.async("setThreads", {"threads"}, [](int64_t threads) { set_threads(threads); });
  registry.async("getThreads", [] { return static_cast<int64_t>(at::get_num_threads()); });
  registry.async("manualSeed", {"seed"}, [](int64_t seed) { at::manual_seed(static_cast<uint64_t>(seed)); });
  registry.async("getRandomState", {"device"}, [](const at::Device& device) {
    auto generator = generator_of(device);
    std::lock_guard<std::mutex> lock(generator.mutex());
    return generator.get_state();
  });
  registry.async("setRandomState", {"state", "device"},
                 [](const at::Tensor& state, const at::Device& device) {
                   auto generator = generator_of(device);
                   std::lock_guard<std::mutex> lock(generator.mutex());
                   generator.set_state(state);
                 });
  // Resolves once everything queued before has run.
  registry.async("synchronize", [] {});
}

}  // namespace kappa
