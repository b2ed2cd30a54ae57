// CUDA's execution model on the CPU, as far as our kernels use it: each thread of a block is a fiber here,
// barriers are barriers and shuffles an exchange. Blocks run one after the other, the threads of every other
// block in the opposite order: where a barrier is missing, one of both reads what is not there yet. Also
// finds ragged ends and wrong indices, under AddressSanitizer too.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "test/fibers.h"

#define __global__
#define __device__
#define __host__
// Blocks run one after the other, so one copy serves them all.
#define __shared__ static

namespace kappa::cuda_on_cpu {

struct Index {
  unsigned x = 0;
};

constexpr int warp_lanes = 32;

/// What the threads of a block share.
struct Team {
  explicit Team(unsigned threads)
      : barrier(threads), slots(threads), warps(std::max(1u, threads / warp_lanes)) {
    for (auto& warp : warps)
      warp = std::make_unique<test::FiberBarrier>(std::min<unsigned>(threads, warp_lanes));
  }
  test::FiberBarrier barrier;
  std::vector<uint64_t> slots;
  std::vector<std::unique_ptr<test::FiberBarrier>> warps;
};

inline thread_local Team* team = nullptr;

/// Makes every shuffle return the caller's own value: what the checks must notice.
inline bool broken_shuffle = false;

}  // namespace kappa::cuda_on_cpu

inline thread_local kappa::cuda_on_cpu::Index threadIdx;
inline thread_local kappa::cuda_on_cpu::Index blockIdx;
inline thread_local kappa::cuda_on_cpu::Index blockDim;
inline thread_local kappa::cuda_on_cpu::Index gridDim;

inline void __syncthreads() { kappa::cuda_on_cpu::team->barrier.arrive_and_wait(); }

inline void __syncwarp() {
  kappa::cuda_on_cpu::team->warps[threadIdx.x / kappa::cuda_on_cpu::warp_lanes]->arrive_and_wait();
}

template <class T>
T __shfl_xor_sync(unsigned, T value, int mask) {
  static_assert(sizeof(T) <= sizeof(uint64_t));
  auto& slots = kappa::cuda_on_cpu::team->slots;
  std::memcpy(&slots[threadIdx.x], &value, sizeof value);
  __syncwarp();
  const unsigned other =
      kappa::cuda_on_cpu::broken_shuffle ? threadIdx.x : threadIdx.x ^ static_cast<unsigned>(mask);
  std::memcpy(&value, &slots[other], sizeof value);
  __syncwarp();
  return value;
}

inline uint32_t __ballot_sync(unsigned, bool vote) {
  auto& slots = kappa::cuda_on_cpu::team->slots;
  slots[threadIdx.x] = vote ? 1 : 0;
  __syncwarp();
  const unsigned first = threadIdx.x / kappa::cuda_on_cpu::warp_lanes * kappa::cuda_on_cpu::warp_lanes;
  uint32_t votes = 0;
  for (unsigned lane = 0; lane < kappa::cuda_on_cpu::warp_lanes && first + lane < slots.size(); ++lane)
    votes |= static_cast<uint32_t>(slots[first + lane]) << lane;
  __syncwarp();
  return votes;
}

namespace kappa::cuda_on_cpu {

/// At most this many blocks of a grid are played: grid-stride loops must cover the rest.
inline unsigned most_blocks = 3;

template <class Kernel>
void launch(unsigned grid, unsigned block, const Kernel& kernel) {
  static thread_local std::vector<std::unique_ptr<test::Fiber>> fibers;
  while (fibers.size() < block) fibers.push_back(std::make_unique<test::Fiber>());
  grid = std::min(grid, most_blocks);
  const std::function<void()> body = kernel;
  blockDim.x = block;
  gridDim.x = grid;
  for (unsigned b = 0; b < grid; ++b) {
    Team shared(block);
    team = &shared;
    blockIdx.x = b;
    for (unsigned t = 0; t < block; ++t) fibers[t]->start(body);
    for (bool running = true; running;) {
      running = false;
      for (unsigned turn = 0; turn < block; ++turn) {
        const unsigned t = b % 2 == 0 ? turn : block - 1 - turn;
        if (fibers[t]->done()) continue;
        threadIdx.x = t;
        fibers[t]->resume();
        running = true;
      }
    }
  }
}

}  // namespace kappa::cuda_on_cpu

#define KAPPA_LAUNCH(kernel, grid, block, stream, ...) \
  ((void)(stream), kappa::cuda_on_cpu::launch((grid), (block), [&] { kernel(__VA_ARGS__); }))
