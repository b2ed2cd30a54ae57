#include "distributed/process_group.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <future>
#include <optional>
#include <thread>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
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
/// How long the ranks that wait have to say so.
constexpr milliseconds roll_call{3000};
/// How often whoever waits for the store looks up, in case the group breaks meanwhile.
constexpr milliseconds look_up{50};
/// How often the host looks where the GPU is.
constexpr std::chrono::microseconds glance{50};

milliseconds milliseconds_of(double seconds) { return milliseconds(static_cast<int64_t>(seconds * 1000)); }

double seconds_since(Clock::time_point began) {
  return std::chrono::duration<double>(Clock::now() - began).count();
}

/// What an exception of c10d says, without C++ frames.
std::string words_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const c10::Error& fault) {
    return fault.what_without_backtrace();
  } catch (const std::exception& fault) {
    return fault.what();
  } catch (...) {
    return "an unknown error";
  }
}

at::Device device_of(const GroupOptions& options) {
  const at::Device device(options.device);
  require(device.is_cpu() || (device.is_cuda() && device.has_index()), "ERR_ARGUMENT",
          "A rank's device is cpu or one GPU, like cuda:0, but not ", options.device, ".");
  require_device(device);
  return device;
}

c10::intrusive_ptr<c10d::Store> open_store(const GroupOptions& options) {
  c10d::TCPStoreOptions settings;
  settings.port = static_cast<uint16_t>(options.master_port);
  settings.isServer = options.rank == 0 && options.keeps_store;
  // A store that is not ours has had its workers already.
  if (options.keeps_store) settings.numWorkers = static_cast<size_t>(options.world_size);
  settings.timeout = milliseconds_of(options.timeout);
  try {
    return c10::make_intrusive<c10d::TCPStore>(options.master_address, settings);
  } catch (...) {
    throw Error(
        "ERR_PEER",
        text("Rank ", options.rank, " of ", options.world_size,
             options.rank == 0 ? " could not bring all ranks together on " : " did not reach rank 0 on ",
             options.master_address, ":", options.master_port, " within ", options.timeout,
             " s: ", words_of(std::current_exception()),
             "\nAll ranks must be started, with the same address and port, and the port must be open."));
  }
}

/// What the compute thread waits for; outlives the wait, for c10d may come back to it.
struct Waiting {
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  std::optional<std::string> aborted;
};

/// Asks who else waits. On a thread of its own: rank 0, whose store this is, may be the one that is missing.
std::string call_roll(const c10::intrusive_ptr<c10d::Store>& store, int64_t own, int64_t size) {
  const auto key = [](int64_t rank) { return text("waiting/", rank); };
  store->set(key(own), std::vector<uint8_t>{1});
  std::string missing;
  const auto until = Clock::now() + roll_call;
  for (int64_t rank = 0; rank < size; ++rank) {
    bool waits = rank == own;
    while (!waits && !(waits = store->check({key(rank)})) && Clock::now() < until) {
      std::this_thread::sleep_for(milliseconds(50));
    }
    if (!waits) missing += text(missing.empty() ? "" : ", ", rank);
  }
  return missing;
}

}  // namespace

ProcessGroup::ProcessGroup(const GroupOptions& options) : options_(options) {
  require(options.world_size > 0 && options.rank >= 0 && options.rank < options.world_size, "ERR_ARGUMENT",
          "Rank ", options.rank, " is none of 0 to ", options.world_size - 1, ".");
  require(options.timeout > 0 && options.timeout < 1e6, "ERR_ARGUMENT",
          "The time-out must be above 0 s but is ", options.timeout, " s.");
  const at::Device device = device_of(options);
  const auto store = open_store(options);
  store_ = c10::make_intrusive<c10d::PrefixStore>("kappa", store);
  texts_ = c10::make_intrusive<c10d::PrefixStore>("texts", store->clone());
  const int rank = static_cast<int>(options.rank);
  const int size = static_cast<int>(options.world_size);
  const auto began = Clock::now();
  try {
    cpu_ = make_gloo(c10::make_intrusive<c10d::PrefixStore>("gloo", store_),
                     {rank, size, milliseconds_of(options.timeout), options.address, device});
    group_ = c10::make_intrusive<c10d::ProcessGroup>(store_, rank, size);
    group_->setBackend(c10::DeviceType::CPU, c10d::ProcessGroup::BackendType::GLOO, cpu_->shared_engine());
    group_->setDefaultBackend(c10d::ProcessGroup::BackendType::GLOO);
  } catch (...) {
    throw fault("connecting to all others", std::current_exception(), began);
  }
  if (device.is_cpu()) return;
  try {
    gpu_ = make_nccl(c10::make_intrusive<c10d::PrefixStore>("nccl", store_),
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
  const std::string where =
      text("Rank ", options_.rank, " of ", options_.world_size, ", step ", step_.load(), ", ", operation);
  if (!is_late) {
    return {"ERR_PEER", text(where, ": the connection to another rank broke (", words,
                             "). That rank has ended or its machine is gone; its own output says why.")};
  }
  const std::string missing = missing_ranks();
  return {
      "ERR_TIMEOUT",
      text(where, ": another rank did not answer within ", options_.timeout, " s",
           missing.empty() ? "" : text(" (not there: rank ", missing, ")"),
           ". It hangs, it is stopped, or the network is cut; distributed.timeout sets how long to wait.")};
}

std::string ProcessGroup::missing_ranks() {
  std::promise<std::string> promise;
  std::future<std::string> answer = promise.get_future();
  std::thread([promise = std::move(promise), store = store_, own = rank(), all = size()]() mutable {
    try {
      promise.set_value(call_roll(store, own, all));
    } catch (...) {
      promise.set_value("");
    }
  }).detach();
  if (answer.wait_for(2 * roll_call) == std::future_status::ready) return answer.get();
  return "0, which keeps the store";
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
    const auto add = [this](int64_t more) {
      return ask<int64_t>([more](c10d::Store& store) { return store.add("left", more); });
    };
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

template <typename Answer>
Answer ProcessGroup::ask(std::function<Answer(c10d::Store&)> question) {
  const auto promise = std::make_shared<std::promise<Answer>>();
  std::future<Answer> answer = promise->get_future();
  std::thread([promise, store = texts_, question = std::move(question)] {
    try {
      promise->set_value(question(*store));
    } catch (...) {
      promise->set_exception(std::current_exception());
    }
  }).detach();
  const auto until = Clock::now() + milliseconds_of(options_.timeout);
  while (answer.wait_for(look_up) != std::future_status::ready) {
    // Whoever is waited for may be what broke it.
    must_be_whole();
    require(Clock::now() < until, "ERR_TIMEOUT", "Rank ", rank(), " of ", size(), ", step ", step_.load(),
            ": the store that rank 0 keeps did not answer within ", options_.timeout,
            " s. Rank 0 is stopped, or the network is cut.");
  }
  try {
    return answer.get();
  } catch (...) {
    throw lost_store();
  }
}

void ProcessGroup::put_text(const std::string& key, const std::string& value) {
  must_be_whole();
  ask<bool>([key, value](c10d::Store& store) {
    store.set(key, std::vector<uint8_t>(value.begin(), value.end()));
    return true;
  });
}

std::optional<std::string> ProcessGroup::take_text(const std::string& key) {
  must_be_whole();
  return ask<std::optional<std::string>>([key](c10d::Store& store) -> std::optional<std::string> {
    if (!store.check({key})) return std::nullopt;
    const std::vector<uint8_t> value = store.get(key);
    return std::string(value.begin(), value.end());
  });
}

Error ProcessGroup::lost_store() const {
  return {"ERR_PEER",
          text("Rank ", rank(), " of ", size(), " lost the store that all ranks meet at, which rank 0 ",
               "keeps: ", words_of(std::current_exception()))};
}

void ProcessGroup::forget_text(const std::string& key) {
  try {
    ask<bool>([key](c10d::Store& store) { return store.deleteKey(key); });
  } catch (...) {
    // It only takes a few bytes where it stays.
  }
}

}  // namespace kappa
