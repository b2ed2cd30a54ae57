// The engines of c10d that move the numbers: Gloo for tensors on the CPU, NCCL for those on GPUs.
#pragma once
#include <c10/core/Device.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace kappa {

struct BackendOptions {
  int rank = 0;
  int size = 1;
  std::chrono::milliseconds timeout{0};
  /// Address of this machine that the others reach; Gloo listens there.
  std::string address;
  /// Of the tensors that NCCL exchanges: one GPU.
  c10::Device device{c10::DeviceType::CPU};
};

/// What an engine found wrong with operations that nobody waited for.
enum class Trouble { none, timeout, connection };

/// One of c10d's engines.
class CollectiveBackend {
 public:
  virtual ~CollectiveBackend() = default;
  virtual c10d::Backend& engine() = 0;
  virtual c10::intrusive_ptr<c10d::Backend> shared_engine() = 0;
  /// Whether the host must wait for an operation; otherwise the device's stream does.
  virtual bool is_waited_for() const = 0;
  /// Where the device's current stream is now, of an engine that is not waited for: the answer says whether
  /// the device has come there.
  virtual std::function<bool()> milestone() = 0;
  virtual Trouble trouble() = 0;
  /// Breaks all connections: whoever waits in an operation, here or elsewhere, is told. From any thread.
  virtual void break_off() noexcept = 0;
  /// Lets go of the engine, after `break_off` without waiting for what it is at.
  virtual void forget() noexcept = 0;
};

std::unique_ptr<CollectiveBackend> make_gloo(const c10::intrusive_ptr<c10d::Store>& store,
                                             const BackendOptions& options);

/// Connects at once.
/// @throws Error ERR_DEVICE where this build has no NCCL
std::unique_ptr<CollectiveBackend> make_nccl(const c10::intrusive_ptr<c10d::Store>& store,
                                             const BackendOptions& options);

}  // namespace kappa
