#include "distributed/process_group.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <optional>
#include <thread>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <utility>

#include "runtime/device.h"
#include "runtime/executor.h"

namespace kappa {
namespace {

using at::Tensor;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// How long an operation may outlast its time-out, which Gloo itself watches.
constexpr milliseconds slack{5000};
/// How often the host looks where the GPU is.
constexpr std::chrono::microseconds glance{50};

milliseconds milliseconds_of(double seconds) { return milliseconds(static_cast<int64_t>(seconds * 1000)); }

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

at::Device device_of(const GroupOptions& options) {
  const at::Device device(options.device);
  require(device.is_cpu() || (device.is_cuda() && device.has_index()), "ERR_ARGUMENT",
          "A rank's device is cpu or one GPU, like cuda:0, but not ", options.device, ".");
  require_device(device);
  return device;
}

/// What the compute thread waits for; outlives the wait, for c10d may come back to it.
struct Waiting {
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  std::optional<std::string> aborted;
};

}  // namespace

ProcessGroup::ProcessGroup(const GroupOptions& options) : options_(options) {
  require(options.world_size > 0 && options.rank >= 0 && options.rank < options.world_size, "ERR_ARGUMENT",
          "Rank ", options.rank, " is none of 0 to ", options.world_size - 1, ".");
  require(options.timeout > 0 && options.timeout < 1e6, "ERR_ARGUMENT",
          "The time-out must be above 0 s but is ", options.timeout, " s.");
  const at::Device device = device_of(options);
  store_ = std::make_unique<RankStore>(StorePlace{options.rank, options.world_size, options.master_address,
                                                  options.master_port, options.keeps_store, options.timeout},
                                       [this] { return where(); });
  const auto& meeting = store_->meeting();
  const int rank = static_cast<int>(options.rank);
  const int size = static_cast<int>(options.world_size);
  const auto began = Clock::now();
  try {
    cpu_ = make_gloo(c10::make_intrusive<c10d::PrefixStore>("gloo", meeting),
                     {rank, size, milliseconds_of(options.timeout), options.address, device});
    group_ = c10::make_intrusive<c10d::ProcessGroup>(meeting, rank, size);
    group_->setBackend(c10::DeviceType::CPU, c10d::ProcessGroup::BackendType::GLOO, cpu_->shared_engine());
    group_->setDefaultBackend(c10d::ProcessGroup::BackendType::GLOO);
  } catch (...) {
    throw fault("connecting to all others", std::current_exception(), began);
  }
  if (device.is_cpu()) return;
  try {
    gpu_ = make_nccl(c10::make_intrusive<c10d::PrefixStore>("nccl", meeting),
                     {rank, size, milliseconds_of(options.timeout), options.address, device});
    group_->setBackend(c10::DeviceType::CUDA, c10d::ProcessGroup::BackendType::NCCL, gpu_->shared_engine());
  } catch (const Error&) {
    throw;
  } catch (...) {
    throw Error("ERR_PEER", text("Rank ", rank, " of ", size, " on ", device.str(),
                                 ": NCCL could not connect to the other ranks (",
                                 words_of(std::current_exception()), "). Each rank needs a GPU of its own."));
  }
}

ProcessGroup::~ProcessGroup() {
  group_.reset();
  if (!broken_) return;
  cpu_->forget();
  if (gpu_) gpu_->forget();
}

CollectiveBackend& ProcessGroup::backend_of(const Tensor& tensor) const {
  if (tensor.is_cpu()) return *cpu_;
  require(gpu_ && tensor.device().str() == options_.device, "ERR_DEVICE", "This group exchanges tensors on ",
          gpu_ ? text("the CPU and ", options_.device) : "the CPU", ", not on ", tensor.device(), ".");
  return *gpu_;
}

void ProcessGroup::must_be_whole() {
  {
    std::lock_guard lock(mutex_);
    require(abort_reason_.empty(), "ERR_CANCELLED", abort_reason_);
    require(!broken_, "ERR_PEER", "The group of processes is broken: an exchange before failed.");
  }
  must_be_fine();
}

void ProcessGroup::must_be_fine() {
  const Trouble trouble = gpu_ ? gpu_->trouble() : Trouble::none;
  if (trouble == Trouble::none) return;
  // Whatever waits on the GPU is let go.
  gpu_->break_off();
  throw broken("exchanging on the GPU", trouble == Trouble::timeout, "NCCL reports it");
}

void ProcessGroup::settle() {
  if (!gpu_) return;
  must_be_whole();
  const auto waiting = std::make_shared<Waiting>();
  Abortable abortable([this, waiting](const std::string& reason) {
    abort(reason);
    std::lock_guard lock(waiting->mutex);
    waiting->aborted = reason;
    waiting->changed.notify_all();
  });
  const auto until = Clock::now() + milliseconds_of(options_.timeout) + slack;
  const std::function<bool()> has_passed = gpu_->milestone();
  for (;;) {
    // In this order: an exchange that is broken off ends as if it were done.
    const bool is_done = has_passed();
    must_be_fine();
    std::unique_lock lock(waiting->mutex);
    if (waiting->aborted) throw Error("ERR_CANCELLED", *waiting->aborted);
    if (is_done) return;
    if (Clock::now() > until) break;
    waiting->changed.wait_for(lock, glance);
  }
  gpu_->break_off();
  throw broken("exchanging on the GPU", /*is_late=*/true, "no answer");
}

std::string ProcessGroup::where() const {
  return text("Rank ", rank(), " of ", size(), ", step ", step_.load());
}

Error ProcessGroup::fault(const std::string& operation, const std::exception_ptr& error,
                          Clock::time_point began) {
  // Gloo says neither by type nor by code whether it was the time.
  return broken(operation, seconds_since(began) >= options_.timeout * 0.99, words_of(error));
}

Error ProcessGroup::broken(const std::string& operation, bool is_late, const std::string& words) {
  {
    std::lock_guard lock(mutex_);
    broken_ = true;
    if (!abort_reason_.empty()) return {"ERR_CANCELLED", abort_reason_};
  }
  const std::string where = text(this->where(), ", ", operation);
  if (!is_late) {
    return {"ERR_PEER", text(where, ": the connection to another rank broke (", words,
                             "). That rank has ended or its machine is gone; its own output says why.")};
  }
  const std::string missing = store_->missing_ranks();
  return {
      "ERR_TIMEOUT",
      text(where, ": another rank did not answer within ", options_.timeout, " s",
           missing.empty() ? "" : text(" (not there: rank ", missing, ")"),
           ". It hangs, it is stopped, or the network is cut; distributed.timeout sets how long to wait.")};
}

template <class Begin>
void ProcessGroup::exchange(const Tensor& tensor, const char* operation, double bytes, const Begin& begin) {
  CollectiveBackend& backend = backend_of(tensor);
  const auto began = Clock::now();
  Work work;
  try {
    work = begin(backend.engine());
    if (!backend.is_waited_for()) work->wait();
  } catch (...) {
    throw fault(operation, std::current_exception(), began);
  }
  if (backend.is_waited_for()) finish(work, operation, began);
  std::lock_guard lock(mutex_);
  traffic_.operations += 1;
  traffic_.bytes += bytes;
  traffic_.seconds += seconds_since(began);
}

void ProcessGroup::finish(const Work& work, const char* operation, Clock::time_point began) {
  const auto waiting = std::make_shared<Waiting>();
  const auto future = work->getFuture();
  future->addCallback(
      [waiting](c10::ivalue::Future&) {
        std::lock_guard lock(waiting->mutex);
        waiting->done = true;
        waiting->changed.notify_all();
      },
      /*uses_future=*/false);
  {
    Abortable abortable([this, waiting](const std::string& reason) {
      abort(reason);
      std::lock_guard lock(waiting->mutex);
      waiting->aborted = reason;
      waiting->changed.notify_all();
    });
    std::unique_lock lock(waiting->mutex);
    const bool ended = waiting->changed.wait_for(lock, milliseconds_of(options_.timeout) + slack,
                                                 [&] { return waiting->done || waiting->aborted; });
    if (waiting->aborted) throw Error("ERR_CANCELLED", *waiting->aborted);
    if (!ended) throw fault(operation, std::make_exception_ptr(std::runtime_error("no answer")), began);
  }
  if (future->hasError()) throw fault(operation, future->exception_ptr(), began);
}

Tensor ProcessGroup::gather(const Tensor& rows) {
  must_be_whole();
  Tensor given = rows.contiguous();
  std::vector<int64_t> shape = given.sizes().vec();
  require(!shape.empty(), "ERR_SHAPE", "Expected rows to gather but received a tensor without dimensions.");
  shape[0] *= size();
  Tensor all = at::empty(shape, given.options().requires_grad(false));
  exchange(given, "gathering rows", static_cast<double>(given.nbytes()) * static_cast<double>(size() - 1),
           [&](c10d::Backend& engine) { return engine._allgather_base(all, given); });
  return all;
}

void ProcessGroup::reduce(Tensor& values, Reduction reduction) {
  must_be_whole();
  Tensor dense = values.contiguous();
  c10d::AllreduceOptions settings;
  settings.reduceOp = reduction == Reduction::sum       ? c10d::ReduceOp::SUM
                      : reduction == Reduction::maximum ? c10d::ReduceOp::MAX
                                                        : c10d::ReduceOp::MIN;
  std::vector<Tensor> list{dense};
  const auto shards = static_cast<double>(size());
  exchange(dense, "reducing values", 2 * static_cast<double>(dense.nbytes()) * (shards - 1) / shards,
           [&](c10d::Backend& engine) { return engine.allreduce(list, settings); });
  if (!dense.is_same(values)) values.copy_(dense);
}

Tensor ProcessGroup::scatter_sum(const Tensor& rows) {
  must_be_whole();
  Tensor given = rows.contiguous();
  require(given.dim() > 0 && given.size(0) % size() == 0, "ERR_SHAPE", "Rows of shape ", given.sizes(),
          " cannot be split over ", size(), " ranks.");
  constexpr const char* operation = "reducing and scattering rows";
  const auto shards = static_cast<double>(size());
  const double bytes = static_cast<double>(given.nbytes()) * (shards - 1) / shards;
  std::vector<int64_t> shape = given.sizes().vec();
  shape[0] /= size();
  if (!backend_of(given).is_waited_for()) {
    Tensor own = at::empty(shape, given.options().requires_grad(false));
    exchange(given, operation, bytes,
             [&](c10d::Backend& engine) { return engine._reduce_scatter_base(own, given); });
    return own;
  }
  // Gloo itself would reduce all of it everywhere. So everybody sends each rank its part and adds up what
  // comes, in the order of the ranks.
  Tensor parts = at::empty_like(given);
  std::vector<int64_t> evenly;
  exchange(given, operation, bytes,
           [&](c10d::Backend& engine) { return engine.alltoall_base(parts, given, evenly, evenly); });
  shape.insert(shape.begin(), size());
  return parts.reshape(shape).sum(0, /*keepdim=*/false, given.scalar_type());
}

void ProcessGroup::broadcast(const std::vector<Tensor>& tensors) {
  at::NoGradGuard guard;
  for (const Tensor& tensor : tensors) {
    must_be_whole();
    Tensor dense = tensor.detach();
    // Whatever their strides, all ranks have the same.
    if (!dense.is_contiguous()) dense = dense.clone(at::MemoryFormat::Contiguous);
    std::vector<Tensor> list{dense};
    const double bytes = rank() == 0 ? static_cast<double>(dense.nbytes()) : 0;
    exchange(dense, "broadcasting from rank 0", bytes,
             [&](c10d::Backend& engine) { return engine.broadcast(list); });
    if (dense.data_ptr() != tensor.data_ptr()) tensor.detach().copy_(dense);
  }
}

c10::intrusive_ptr<c10::ivalue::Future> ProcessGroup::begin_sum(const Tensor& values) {
  must_be_whole();
  std::vector<Tensor> list{values};
  const auto shards = static_cast<double>(size());
  {
    std::lock_guard lock(mutex_);
    traffic_.operations += 1;
    traffic_.bytes += 2 * static_cast<double>(values.nbytes()) * (shards - 1) / shards;
  }
  const auto began = Clock::now();
  try {
    return backend_of(values).engine().allreduce(list)->getFuture();
  } catch (const Error&) {
    throw;
  } catch (...) {
    throw fault("summing gradients", std::current_exception(), began);
  }
}

GroupTraffic ProcessGroup::traffic() const {
  std::lock_guard lock(mutex_);
  return traffic_;
}

void ProcessGroup::abort(const std::string& reason) noexcept {
  {
    std::lock_guard lock(mutex_);
    if (!abort_reason_.empty()) return;
    abort_reason_ = reason;
    broken_ = true;
  }
  cpu_->break_off();
  if (gpu_) gpu_->break_off();
}

void ProcessGroup::leave(milliseconds patience) {
  {
    std::lock_guard lock(mutex_);
    if (broken_) return;
  }
  try {
    const auto add = [this](int64_t more) { return store_->add("left", more, watch()); };
    int64_t left = add(1);
    if (rank() != 0) return;
    for (const auto until = Clock::now() + patience; left < size() && Clock::now() < until;) {
      std::this_thread::sleep_for(milliseconds(10));
      left = add(0);
    }
  } catch (...) {
    // Nobody is there to be waited for.
  }
}

void ProcessGroup::put_text(const std::string& key, const std::string& value) {
  must_be_whole();
  store_->put(key, value, watch());
}

std::optional<std::string> ProcessGroup::take_text(const std::string& key) {
  must_be_whole();
  return store_->take(key, watch());
}

void ProcessGroup::forget_text(const std::string& key) {
  try {
    store_->remove(key, watch());
  } catch (...) {
    // It only takes a few bytes where it stays.
  }
}

}  // namespace kappa
