#include "runtime/error.h"

#ifdef KAPPA_NCCL
#include <ATen/Context.h>
#include <ATen/cuda/CUDAContext.h>
#include <ATen/cuda/CUDAEvent.h>
#include <c10/core/DeviceGuard.h>

#include <memory>
#include <thread>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#include <utility>
#endif

#include "distributed/backend.h"

namespace kappa {

#ifdef KAPPA_NCCL

namespace {

using Engine = c10d::ProcessGroupNCCL;

class Nccl : public CollectiveBackend {
 public:
  Nccl(c10::intrusive_ptr<Engine> engine, const at::Device& device)
      : engine_(std::move(engine)), device_(device) {}

  ~Nccl() override {
    if (!engine_) return;
    try {
      engine_->shutdown();
    } catch (...) {
      // The communicators are gone already.
    }
  }

  c10d::Backend& engine() override { return *engine_; }
  c10::intrusive_ptr<c10d::Backend> shared_engine() override { return engine_; }
  bool is_waited_for() const override { return false; }

  std::function<bool()> milestone() override {
    const c10::DeviceGuard guard(device_);
    const auto event = std::make_shared<at::cuda::CUDAEvent>();
    event->record(at::cuda::getCurrentCUDAStream(device_.index()));
    return [event] { return event->query(); };
  }

  Trouble trouble() override {
    switch (engine_->getError()) {
      case c10d::ErrorType::SUCCESS:
        return Trouble::none;
      case c10d::ErrorType::TIMEOUT:
        return Trouble::timeout;
      default:
        return Trouble::connection;
    }
  }

  void break_off() noexcept override {
    try {
      // It waits for the communicators' own threads.
      std::thread([engine = engine_] {
        try {
          engine->abort();
        } catch (...) {
          // They are aborted already.
        }
      }).detach();
    } catch (...) {
      // Without a thread the watchdog aborts them, when their time is over.
    }
  }

  void forget() noexcept override {
    // Its destructor joins threads that may still be at an exchange that never ends.
    engine_.release();
  }

 private:
  c10::intrusive_ptr<Engine> engine_;
  at::Device device_;
};

}  // namespace

std::unique_ptr<CollectiveBackend> make_nccl(const c10::intrusive_ptr<c10d::Store>& store,
                                             const BackendOptions& options) {
  at::globalContext().lazyInitDevice(c10::DeviceType::CUDA);
  const c10::DeviceGuard guard(options.device);
  auto settings = Engine::Options::create();
  settings->timeout = options.timeout;
  auto engine = c10::make_intrusive<Engine>(store, options.rank, options.size, settings);
  auto nccl = std::make_unique<Nccl>(engine, options.device);
  // All ranks are here now: whoever cannot reach the others says so before the first step.
  engine->eagerConnectSingleDevice(options.device);
  return nccl;
}

#else

std::unique_ptr<CollectiveBackend> make_nccl(const c10::intrusive_ptr<c10d::Store>& /*store*/,
                                             const BackendOptions& options) {
  throw Error("ERR_DEVICE", text("Several ranks on GPUs need NCCL, which this build does not have: ",
                                 options.device.str(), " cannot be used by them."));
}

#endif

}  // namespace kappa
