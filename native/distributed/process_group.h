// The processes of a run, over c10d. What they exchange goes through the compute thread, in the order of the
// calls; nobody waits longer than the time-out, and a wait can be aborted from outside.
#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <vector>

#include "distributed/backend.h"
#include "distributed/rank_store.h"
#include "runtime/error.h"
#include "runtime/shard_group.h"

namespace kappa {

struct GroupOptions {
  int64_t rank = 0;
  int64_t world_size = 1;
  /// Where the store is that all meet at.
  std::string master_address;
  int64_t master_port = 0;
  /// Whether rank 0 keeps the store; otherwise whoever started the ranks does.
  bool keeps_store = true;
  /// Address of this machine that the others reach.
  std::string address;
  /// Seconds after which whoever waits for another process gives up.
  double timeout = 600;
  /// Of the tensors that are exchanged besides those on the CPU: `cpu` for none, or one GPU like `cuda:0`.
  std::string device = "cpu";
};

/// What went over the wire so far.
struct GroupTraffic {
  int64_t operations = 0;
  /// Bytes that this process must send at least for what was asked for, by the best algorithm known.
  double bytes = 0;
  /// Seconds that the compute thread waited.
  double seconds = 0;
};

enum class Reduction { sum, maximum, minimum };

class ProcessGroup : public ShardGroup {
 public:
  /// Meets the other processes.
  /// @throws Error ERR_TIMEOUT, ERR_PEER
  explicit ProcessGroup(const GroupOptions& options);
  ~ProcessGroup() override;

  int64_t rank() const override { return options_.rank; }
  int64_t size() const override { return options_.world_size; }

  at::Tensor gather(const at::Tensor& rows) override;
  void sum(at::Tensor& values) override { reduce(values, Reduction::sum); }
  void maximum(at::Tensor& values) override { reduce(values, Reduction::maximum); }
  at::Tensor scatter_sum(const at::Tensor& rows) override;
  void reduce(at::Tensor& values, Reduction reduction);
  /// Makes the tensors of all what those of rank 0 are.
  void broadcast(const std::vector<at::Tensor>& tensors);

  /// Waits until the GPU has come where its current stream is now: to be called before the host reads what
  /// came of exchanges that it did not wait for. On the CPU there is nothing to wait for.
  /// @throws Error ERR_TIMEOUT, ERR_PEER where one of them failed since
  void settle();

  /// Begins a sum that nobody waits for here.
  /// @param values contiguous; holds the sum when the future is completed. On a GPU it is completed at once,
  /// and whoever waits for it, or goes on after it, does so on a stream that comes after the sum.
  c10::intrusive_ptr<c10::ivalue::Future> begin_sum(const at::Tensor& values);

  /// The group as c10d's own classes take it.
  const c10::intrusive_ptr<c10d::ProcessGroup>& c10d_group() const { return group_; }

  /// What the run is at, for errors.
  void at_step(int64_t step) { step_ = step; }
  GroupTraffic traffic() const;

  /// Breaks the group off: whoever waits in it is told the reason, here, and that this process is gone,
  /// elsewhere. From any thread.
  void abort(const std::string& reason) noexcept;
  /// Leaves in order: rank 0 waits until all others have left, for at most the given time.
  void leave(std::chrono::milliseconds patience);

  /// Leaves a text for the others, or takes one; not for the compute thread, whose operations it does not
  /// wait for.
  void put_text(const std::string& key, const std::string& value);
  /// @returns nothing where it is not there yet
  std::optional<std::string> take_text(const std::string& key);
  void forget_text(const std::string& key);

  /// The error of an operation that c10d ended.
  Error fault(const std::string& operation, const std::exception_ptr& error,
              std::chrono::steady_clock::time_point began);

 private:
  using Work = c10::intrusive_ptr<c10d::Work>;
  CollectiveBackend& backend_of(const at::Tensor& tensor) const;
  void must_be_whole();
  /// Ends the group where its engines have found something wrong in the meantime.
  void must_be_fine();
  Error broken(const std::string& operation, bool is_late, const std::string& words);
  /// Begins an operation and waits for it: the host for Gloo, the current stream for NCCL.
  template <class Begin>
  void exchange(const at::Tensor& tensor, const char* operation, double bytes, const Begin& begin);
  void finish(const Work& work, const char* operation, std::chrono::steady_clock::time_point began);
  /// What the run is at, for errors.
  std::string where() const;
  /// Ends a wait for the store where the group is broken.
  RankStore::Watch watch() {
    return [this] { must_be_whole(); };
  }

  GroupOptions options_;
  std::unique_ptr<RankStore> store_;
  std::unique_ptr<CollectiveBackend> cpu_;
  std::unique_ptr<CollectiveBackend> gpu_;  // null where there is none
  c10::intrusive_ptr<c10d::ProcessGroup> group_;
  std::atomic<int64_t> step_ = 0;

  mutable std::mutex mutex_;
  std::string abort_reason_;
  bool broken_ = false;
  GroupTraffic traffic_;
};

}  // namespace kappa
