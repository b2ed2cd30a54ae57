#include <memory>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <utility>

#include "distributed/backend.h"

namespace kappa {
namespace {

/// c10d's class keeps its connections to itself.
class Engine : public c10d::ProcessGroupGloo {
 public:
  using c10d::ProcessGroupGloo::ProcessGroupGloo;

  void close_connections() {
    for (const auto& context : contexts_) context->closeConnections();
  }
};

class Gloo : public CollectiveBackend {
 public:
  explicit Gloo(c10::intrusive_ptr<Engine> engine) : engine_(std::move(engine)) {}
  c10d::Backend& engine() override { return *engine_; }
  c10::intrusive_ptr<c10d::Backend> shared_engine() override { return engine_; }
  bool is_waited_for() const override { return true; }
  std::function<bool()> milestone() override {
    return [] { return true; };
  }
  Trouble trouble() override { return Trouble::none; }

  void break_off() noexcept override {
    try {
      engine_->close_connections();
    } catch (...) {
      // They are broken already.
    }
  }

  void forget() noexcept override {
    // Its destructor joins threads that may still wait for a process that does not answer.
    engine_.release();
  }

 private:
  c10::intrusive_ptr<Engine> engine_;
};

}  // namespace

std::unique_ptr<CollectiveBackend> make_gloo(const c10::intrusive_ptr<c10d::Store>& store,
                                             const BackendOptions& options) {
  auto settings = c10d::ProcessGroupGloo::Options::create(options.timeout);
  settings->devices.push_back(
      c10d::ProcessGroupGloo::createDeviceForHostname(options.address, /*lazyInit=*/false));
  // A second thread, so that the buckets of the gradient follow each other closely.
  settings->threads = 2;
  auto engine = c10::make_intrusive<Engine>(store, options.rank, options.size, settings);
  return std::make_unique<Gloo>(std::move(engine));
}

}  // namespace kappa
