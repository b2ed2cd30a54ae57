// Shards in threads of one process, for tests.
#pragma once
#include <ATen/ATen.h>

#include <barrier>
#include <vector>

#include "runtime/shard_group.h"

namespace kappa {

/// Shards in threads that meet at a barrier.
class ThreadGroup {
 public:
  explicit ThreadGroup(size_t shards) : given_(shards), barrier_(static_cast<std::ptrdiff_t>(shards)) {}

  class Member : public ShardGroup {
   public:
    Member(ThreadGroup& group, size_t index) : group_(group), index_(index) {}
    int64_t rank() const override { return static_cast<int64_t>(index_); }
    int64_t size() const override { return static_cast<int64_t>(group_.given_.size()); }
    at::Tensor gather(const at::Tensor& rows) override { return at::cat(group_.exchange(index_, rows)); }
    void sum(at::Tensor& values) override { values.copy_(at::stack(group_.exchange(index_, values)).sum(0)); }
    void maximum(at::Tensor& values) override {
      values.copy_(at::stack(group_.exchange(index_, values)).amax(0));
    }
    at::Tensor scatter_sum(const at::Tensor& rows) override {
      const at::Tensor total = at::stack(group_.exchange(index_, rows)).sum(0);
      const auto shards = static_cast<int64_t>(group_.given_.size());
      return total.chunk(shards)[index_].contiguous();
    }

   private:
    ThreadGroup& group_;
    size_t index_;
  };

 private:
  /// What all shards give, to each of them.
  std::vector<at::Tensor> exchange(size_t index, const at::Tensor& own) {
    given_[index] = own.clone();
    barrier_.arrive_and_wait();
    std::vector<at::Tensor> all = given_;
    barrier_.arrive_and_wait();
    return all;
  }
  std::vector<at::Tensor> given_;
  std::barrier<> barrier_;
};

}  // namespace kappa
