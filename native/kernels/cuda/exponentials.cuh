// From cosines to exponentials, their sums and what the products after them take.
#pragma once
#include "kernels/cuda/head.h"
#include "kernels/cuda/warps.cuh"

namespace kappa::cuda {

/// Which part of a block of logits a block of threads has.
struct Chunk {
  int64_t sample;
  int64_t number;
  int64_t first;
  int64_t columns;
};

__device__ inline Chunk chunk_at(const LogitBlock& block, int64_t index) {
  const int64_t chunks = chunks_of(block.columns);
  const int64_t number = index % chunks;
  const int64_t first = number * chunk_columns;
  const int64_t left = block.columns - first;
  return {index / chunks, number, first, left < chunk_columns ? left : chunk_columns};
}

__global__ void chunk_maxima_kernel(LogitBlock block, float* maxima) {
  __shared__ float partial[row_threads / warp_size];
  const int64_t all = block.batch * chunks_of(block.columns);
  for (int64_t index = blockIdx.x; index < all; index += gridDim.x) {
    const Chunk chunk = chunk_at(block, index);
    const float* row = block.cosines + chunk.sample * block.stride + chunk.first;
    const int64_t target = block.targets[chunk.sample] - block.first - chunk.first;
    float largest = -INFINITY;
    for_packs(row, chunk.columns, static_cast<int>(threadIdx.x), static_cast<int>(blockDim.x),
              [&](const float* values, int64_t at, int count) {
                for (int j = 0; j < count; ++j) {
                  const bool filtered = is_filtered(values[j], block.filter_threshold);
                  const float logit = filtered ? 0.0f : block.scale * values[j];
                  if (at + j != target) largest = fmaxf(largest, logit);
                }
              });
    largest = block_reduce(largest, -INFINITY, partial, [](float value) { return warp_max(value); });
    if (threadIdx.x == 0) maxima[chunk.number * block.batch + chunk.sample] = largest;
  }
}

__device__ inline float largest_chunk(const float* maxima, int64_t chunks, int64_t batch, int64_t i) {
  float largest = -INFINITY;
  for (int64_t k = 0; k < chunks; ++k) largest = fmaxf(largest, maxima[k * batch + i]);
  return largest;
}

__global__ void largest_of_chunks_kernel(const float* maxima, int64_t chunks, int64_t batch,
                                         const float* floor, float* largest) {
  for (int64_t i = first_element(); i < batch; i += element_step())
    largest[i] = fmaxf(floor[i], largest_chunk(maxima, chunks, batch, i));
}

__global__ void half_shifts_kernel(const float* maxima, int64_t chunks, int64_t batch, float* shifts) {
  for (int64_t i = first_element(); i < batch; i += element_step()) {
    const float largest = largest_chunk(maxima, chunks, batch, i);
    // A block of the target alone has no other class.
    shifts[i] = (largest == -INFINITY ? 0.0f : largest) - log_half_top;
  }
}

template <class L>
__global__ void exponentials_kernel(LogitBlock block, const float* shifts, L* exponentials,
                                    int64_t exponential_stride, float* sums) {
  __shared__ float partial[row_threads / warp_size];
  // Floats are read in the packs that the results are written in.
  constexpr int size = Pack<L>::size;
  const int64_t all = block.batch * chunks_of(block.columns);
  for (int64_t index = blockIdx.x; index < all; index += gridDim.x) {
    const Chunk chunk = chunk_at(block, index);
    const float* row = block.cosines + chunk.sample * block.stride + chunk.first;
    L* out = exponentials + chunk.sample * exponential_stride + chunk.first;
    const int64_t target = block.targets[chunk.sample] - block.first - chunk.first;
    const float shift = shifts[chunk.sample];
    float sum = 0;
    const auto exponential = [&](float cosine, int64_t column) {
      const bool filtered = is_filtered(cosine, block.filter_threshold);
      const float value = column == target ? 0.0f : expf((filtered ? 0.0f : block.scale * cosine) - shift);
      sum += value;
      return narrow<L>(filtered ? 0.0f : value);
    };
    const int64_t packs = chunk.columns / size;
    for (int64_t p = threadIdx.x; p < packs; p += blockDim.x) {
      Pack<L> values;
      for (int q = 0; q < size / 4; ++q) {
        const Pack<float> x = reinterpret_cast<const Pack<float>*>(row)[p * (size / 4) + q];
        for (int j = 0; j < 4; ++j) values.values[4 * q + j] = exponential(x.values[j], p * size + 4 * q + j);
      }
      reinterpret_cast<Pack<L>*>(out)[p] = values;
    }
    for (int64_t c = packs * size + threadIdx.x; c < chunk.columns; c += blockDim.x)
      out[c] = exponential(row[c], c);
    sum = block_reduce(sum, 0.0f, partial, [](float value) { return warp_sum(value); });
    if (threadIdx.x == 0 && sums != nullptr) sums[chunk.number * block.batch + chunk.sample] = sum;
  }
}

__global__ void sum_chunks_kernel(const float* chunk_sums, int64_t chunks, int64_t chunks_per_block,
                                  int64_t batch, const float* shifts, const float* references, double* sums) {
  for (int64_t i = first_element(); i < batch; i += element_step()) {
    double sum = 0;
    for (int64_t k = 0; k < chunks; ++k) {
      const double part = chunk_sums[k * batch + i];
      const double factor =
          shifts != nullptr
              ? exp(static_cast<double>(shifts[k / chunks_per_block * batch + i]) - references[i])
              : 1.0;
      sum += factor * part;
    }
    sums[i] = sum;
  }
}

__global__ void add_rows_kernel(const float* part, const float* shifts, const float* references,
                                int64_t batch, int64_t dim, float* outputs) {
  for (int64_t e = first_element(); e < batch * dim; e += element_step()) {
    const int64_t i = e / dim;
    outputs[e] += expf(shifts[i] - references[i]) * part[e];
  }
}

template <class L>
__global__ void weigh_units_kernel(const float* units, const double* shares, int64_t batch, int64_t dim,
                                   L* weighted) {
  const int lane = threadIdx.x % warp_size;
  for (int64_t i = first_row(); i < batch; i += row_step()) {
    const float share = shares != nullptr ? static_cast<float>(shares[i]) : 1.0f;
    narrow_row(units + i * dim, share, dim, lane, weighted + i * dim);
  }
}

__global__ void halves_to_probabilities_kernel(const Half* exponentials, int64_t stride, int64_t batch,
                                               int64_t columns, const float* shifts, const float* references,
                                               const double* shares, Half* probabilities,
                                               int64_t probability_stride) {
  constexpr int size = Pack<Half>::size;
  const int64_t chunks = chunks_of(columns);
  for (int64_t index = blockIdx.x; index < batch * chunks; index += gridDim.x) {
    const int64_t i = index / chunks;
    const int64_t first = index % chunks * chunk_columns;
    const int64_t last = first + chunk_columns < columns ? first + chunk_columns : columns;
    const auto factor = static_cast<float>(exp(static_cast<double>(shifts[i]) - references[i]) * shares[i] *
                                           static_cast<double>(half_top));
    const Half* from = exponentials + i * stride;
    Half* to = probabilities + i * probability_stride;
    const int64_t last_pack = first + (last - first) / size * size;
    for (int64_t c = first + threadIdx.x * size; c < last_pack;
         c += static_cast<int64_t>(blockDim.x) * size) {
      Pack<Half> values = *reinterpret_cast<const Pack<Half>*>(from + c);
      for (int j = 0; j < size; ++j) values.values[j] = narrow<Half>(widen(values.values[j]) * factor);
      *reinterpret_cast<Pack<Half>*>(to + c) = values;
    }
    for (int64_t c = last_pack + threadIdx.x; c < last; c += blockDim.x)
      to[c] = narrow<Half>(widen(from[c]) * factor);
  }
}

void chunk_maxima(const LogitBlock& block, float* maxima, cudaStream_t stream) {
  KAPPA_LAUNCH(chunk_maxima_kernel, grid_for(block.batch * chunks_of(block.columns)), row_threads, stream,
               block, maxima);
}

void largest_of_chunks(const float* maxima, int64_t chunks, int64_t batch, const float* floor, float* largest,
                       cudaStream_t stream) {
  KAPPA_LAUNCH(largest_of_chunks_kernel, grid_for_elements(batch), row_threads, stream, maxima, chunks, batch,
               floor, largest);
}

void half_shifts(const float* maxima, int64_t chunks, int64_t batch, float* shifts, cudaStream_t stream) {
  KAPPA_LAUNCH(half_shifts_kernel, grid_for_elements(batch), row_threads, stream, maxima, chunks, batch,
               shifts);
}

template <class L>
void exponentials(const LogitBlock& block, const float* shifts, L* exponentials, int64_t exponential_stride,
                  float* sums, cudaStream_t stream) {
  KAPPA_LAUNCH((exponentials_kernel<L>), grid_for(block.batch * chunks_of(block.columns)), row_threads,
               stream, block, shifts, exponentials, exponential_stride, sums);
}

void sum_chunks(const float* chunk_sums, int64_t chunks, int64_t chunks_per_block, int64_t batch,
                const float* shifts, const float* references, double* sums, cudaStream_t stream) {
  KAPPA_LAUNCH(sum_chunks_kernel, grid_for_elements(batch), row_threads, stream, chunk_sums, chunks,
               chunks_per_block, batch, shifts, references, sums);
}

void add_rows(const float* part, const float* shifts, const float* references, int64_t batch, int64_t dim,
              float* outputs, cudaStream_t stream) {
  KAPPA_LAUNCH(add_rows_kernel, grid_for_elements(batch * dim), row_threads, stream, part, shifts, references,
               batch, dim, outputs);
}

template <class L>
void weigh_units(const float* units, const double* shares, int64_t batch, int64_t dim, L* weighted,
                 cudaStream_t stream) {
  KAPPA_LAUNCH((weigh_units_kernel<L>), grid_for_rows(batch), warp_threads, stream, units, shares, batch, dim,
               weighted);
}

void halves_to_probabilities(const Half* exponentials, int64_t stride, int64_t batch, int64_t columns,
                             const float* shifts, const float* references, const double* shares,
                             Half* probabilities, int64_t probability_stride, cudaStream_t stream) {
  KAPPA_LAUNCH(halves_to_probabilities_kernel, grid_for(batch * chunks_of(columns)), row_threads, stream,
               exponentials, stride, batch, columns, shifts, references, shares, probabilities,
               probability_stride);
}

}  // namespace kappa::cuda
