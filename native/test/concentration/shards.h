// Shards of classes in threads, and steps for them.
#pragma once
#include <ATen/ATen.h>

#include <algorithm>
#include <exception>
#include <thread>
#include <vector>

#include "concentration/own_samples.h"
#include "test/thread_group.h"

namespace kappa::test {

/// As `classRange` of lib/distributed: the first shards have one class more where they do not divide.
inline ClassRange shard_of(int64_t classes, int64_t rank, int64_t shards) {
  const int64_t each = classes / shards;
  const int64_t more = classes % shards;
  return {each * rank + std::min(rank, more), each + (rank < more ? 1 : 0), classes};
}

/// Calls `work(rank, group)` on a thread for each shard and throws what the first of them threw.
template <class F>
void on_shards(int64_t shards, const F& work) {
  ThreadGroup group(static_cast<size_t>(shards));
  std::vector<std::exception_ptr> failures(static_cast<size_t>(shards));
  std::vector<std::thread> threads;
  for (size_t rank = 0; rank < failures.size(); ++rank) {
    threads.emplace_back([&, rank] {
      try {
        ThreadGroup::Member member(group, rank);
        work(static_cast<int64_t>(rank), member);
      } catch (...) {
        failures[rank] = std::current_exception();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

/// One shard's part of a step: the stretch of its batches.
inline StepBatches part_of(const StepBatches& step, int64_t rank, int64_t shards) {
  const auto cut = [&](const std::vector<at::Tensor>& batches) {
    const auto each = static_cast<std::ptrdiff_t>(batches.size()) / shards;
    return std::vector<at::Tensor>(batches.begin() + rank * each, batches.begin() + (rank + 1) * each);
  };
  return {cut(step.embeddings), cut(step.labels), cut(step.indices)};
}

}  // namespace kappa::test
