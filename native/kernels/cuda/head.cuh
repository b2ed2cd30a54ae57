// The kernels themselves. nvcc compiles this file for the device; the tests compile the very same file for
// the CPU with test/cuda_on_cpu.h, which plays blocks, threads, barriers and shuffles.
#pragma once
#include <cmath>

#include "kernels/class_keys.h"
#include "kernels/cuda/head.h"

namespace kappa::cuda {

constexpr int warp_size = 32;
#ifndef KAPPA_ROW_THREADS
#define KAPPA_ROW_THREADS 256
#endif
constexpr int row_threads = KAPPA_ROW_THREADS;  // one block of threads for a row of logits
constexpr int warps_per_block = 4;              // one warp for a row of embeddings or centres

__device__ inline float warp_sum(float value) {
  for (int step = warp_size / 2; step > 0; step /= 2) value += __shfl_xor_sync(0xffffffffu, value, step);
  return value;
}

__device__ inline float warp_max(float value) {
  for (int step = warp_size / 2; step > 0; step /= 2)
    value = fmaxf(value, __shfl_xor_sync(0xffffffffu, value, step));
  return value;
}

/// Combines a value of each thread of a block; every thread gets the result.
template <class Combine>
__device__ inline float block_reduce(float value, float neutral, float* partial, const Combine& combine) {
  const int lane = threadIdx.x % warp_size;
  const int warp = threadIdx.x / warp_size;
  const int warps = blockDim.x / warp_size;
  value = combine(value);
  __syncthreads();  // the last use of `partial` is over
  if (lane == 0) partial[warp] = value;
  __syncthreads();
  return combine(lane < warps ? partial[lane] : neutral);
}

/// Calls `each(values, first, count)` on 16-byte packs of a row, then on what is left.
template <class Each>
__device__ inline void for_packs(const float* row, int64_t count, int first, int step, const Each& each) {
  constexpr int size = Pack<float>::size;
  const int64_t packs = count / size;
  for (int64_t p = first; p < packs; p += step) {
    const Pack<float> values = reinterpret_cast<const Pack<float>*>(row)[p];
    each(values.values, p * size, size);
  }
  for (int64_t i = packs * size + first; i < count; i += step) each(row + i, i, 1);
}

/// Two values of each lane that are summed over the warp.
struct Sums {
  float first;
  float second;
};

/// Sums over two rows of floats by a warp; packs of 16 bytes where the rows allow it.
template <class Term>
__device__ inline Sums warp_sums(const float* a, const float* b, int64_t dim, int lane, const Term& term) {
  Sums sums{0, 0};
  const bool packed = dim % 4 == 0;
  if (packed) {
    const auto* packs_a = reinterpret_cast<const Pack<float>*>(a);
    const auto* packs_b = reinterpret_cast<const Pack<float>*>(b);
    for (int64_t p = lane; p < dim / 4; p += warp_size) {
      const Pack<float> x = packs_a[p];
      const Pack<float> y = packs_b[p];
      for (int j = 0; j < 4; ++j) term(x.values[j], y.values[j], sums);
    }
  } else {
    for (int64_t d = lane; d < dim; d += warp_size) term(a[d], b[d], sums);
  }
  return {warp_sum(sums.first), warp_sum(sums.second)};
}

/// out[d] = each(old, a[d], b[d]) over rows of floats by a warp; packs of 16 bytes where the rows allow it.
/// `old` is what stands in `out` where `reads` says so, else 0.
template <class Each>
__device__ inline void map_rows(float* out, const float* a, const float* b, int64_t dim, int lane, bool reads,
                                const Each& each) {
  if (dim % 4 == 0) {
    auto* packs_out = reinterpret_cast<Pack<float>*>(out);
    const auto* packs_a = reinterpret_cast<const Pack<float>*>(a);
    const auto* packs_b = reinterpret_cast<const Pack<float>*>(b);
    for (int64_t p = lane; p < dim / 4; p += warp_size) {
      const Pack<float> x = packs_a[p];
      const Pack<float> y = packs_b[p];
      Pack<float> values{};
      if (reads) values = packs_out[p];
      for (int j = 0; j < 4; ++j) values.values[j] = each(values.values[j], x.values[j], y.values[j]);
      packs_out[p] = values;
    }
  } else {
    for (int64_t d = lane; d < dim; d += warp_size) out[d] = each(reads ? out[d] : 0.0f, a[d], b[d]);
  }
}

__device__ inline float inverse_length(float square) { return inverse_of_square(square); }

__device__ inline int64_t first_row() {
  return static_cast<int64_t>(blockIdx.x) * warps_per_block + threadIdx.x / warp_size;
}
__device__ inline int64_t row_step() { return static_cast<int64_t>(gridDim.x) * warps_per_block; }

/// A row times a factor in the type L, by a warp.
template <class L>
__device__ inline void narrow_row(const float* row, float factor, int64_t dim, int lane, L* out) {
  if (dim % Pack<L>::size == 0 && dim % 4 == 0) {
    auto* packed = reinterpret_cast<Pack<L>*>(out);
    for (int64_t p = lane; p < dim / Pack<L>::size; p += warp_size) {
      Pack<L> values;
      for (int q = 0; q < Pack<L>::size / 4; ++q) {
        const Pack<float> x = reinterpret_cast<const Pack<float>*>(row)[p * (Pack<L>::size / 4) + q];
        for (int j = 0; j < 4; ++j) values.values[4 * q + j] = narrow<L>(x.values[j] * factor);
      }
      packed[p] = values;
    }
  } else {
    for (int64_t d = lane; d < dim; d += warp_size) out[d] = narrow<L>(row[d] * factor);
  }
}

__device__ inline float square_of(const float* row, int64_t dim, int lane) {
  return warp_sums(row, row, dim, lane, [](float x, float y, Sums& s) { s.first += x * y; }).first;
}

template <class L>
__global__ void unit_rows_kernel(const float* rows, const int64_t* index, int64_t count, int64_t dim,
                                 L* units) {
  const int lane = threadIdx.x % warp_size;
  for (int64_t r = first_row(); r < count; r += row_step()) {
    const float* row = rows + (index != nullptr ? index[r] : r) * dim;
    narrow_row(row, inverse_length(square_of(row, dim, lane)), dim, lane, units + r * dim);
  }
}

__global__ void normalize_kernel(const float* rows, int64_t count, int64_t dim, float* units,
                                 float* inverse) {
  const int lane = threadIdx.x % warp_size;
  for (int64_t r = first_row(); r < count; r += row_step()) {
    const float* row = rows + r * dim;
    const float square = square_of(row, dim, lane);
    // An embedding that is no number must not pass for one without a direction.
    const float factor = square == square ? inverse_length(square) : square;
    narrow_row(row, factor, dim, lane, units + r * dim);
    if (lane == 0) inverse[r] = factor;
  }
}

__global__ void find_targets_kernel(const float* units, TargetClasses<float> targets, double scale,
                                    MarginFunction function, Samples<float> samples) {
  const int lane = threadIdx.x % warp_size;
  const int64_t dim = targets.dim;
  for (int64_t i = first_row(); i < samples.batch; i += row_step()) {
    const int64_t row = targets.row_of(i);
    float cosine = 0;
    TargetLogit<float> logit{targets.is_class(i) ? 0.0f : NAN, 0};
    if (row >= 0) {
      const Sums sums =
          warp_sums(units + i * dim, targets.centres + row * dim, dim, lane, [](float x, float y, Sums& s) {
            s.first += x * y;
            s.second += y * y;
          });
      cosine = clamp_cosine(sums.first * inverse_length(sums.second));
      logit = target_logit<float>(cosine, targets.margin_of(i), function);
    }
    if (lane == 0) {
      samples.rows[i] = targets.walked_row_of(row);
      samples.cosines[i] = cosine;
      samples.logits[i] = scale * static_cast<double>(logit.value);
      samples.derivatives[i] = logit.derivative;
    }
  }
}

__device__ inline int64_t first_element() {
  return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ inline int64_t element_step() { return static_cast<int64_t>(gridDim.x) * blockDim.x; }

__global__ void refer_kernel(Samples<float> samples) {
  for (int64_t i = first_element(); i < samples.batch; i += element_step())
    samples.references[i] = samples.logits[i] < 0 ? 0.0f : static_cast<float>(samples.logits[i]);
}

__global__ void finish_kernel(Samples<float> samples) {
  for (int64_t i = first_element(); i < samples.batch; i += element_step()) {
    const double reference = samples.references[i];
    const double others = samples.sums[i];
    const double sum = others + exp(samples.logits[i] - reference);
    samples.sums[i] = sum;
    samples.losses[i] = log(sum) + reference - samples.logits[i];
    // p - 1 without the cancellation.
    samples.target_gradients[i] = -(others / sum) * samples.derivatives[i];
  }
}

__global__ void unit_gradients_kernel(const float* outputs, TargetClasses<float> targets,
                                      Samples<float> samples, double factor, float* gradients) {
  const int lane = threadIdx.x % warp_size;
  const int64_t dim = targets.dim;
  for (int64_t i = first_row(); i < samples.batch; i += row_step()) {
    const int64_t row = targets.row_of(i);
    const float* centre = targets.centres + (row < 0 ? 0 : row) * dim;
    const float square = square_of(centre, dim, lane);
    const auto share = static_cast<float>(factor / samples.sums[i]);
    const float own =
        row < 0 ? 0.0f : static_cast<float>(factor * samples.target_gradients[i]) * inverse_length(square);
    map_rows(gradients + i * dim, outputs + i * dim, centre, dim, lane, false,
             [&](float, float output, float w) { return share * output + own * w; });
  }
}

__global__ void through_normalization_kernel(const float* units, const float* inverse, int64_t count,
                                             int64_t dim, float* gradients) {
  const int lane = threadIdx.x % warp_size;
  for (int64_t r = first_row(); r < count; r += row_step()) {
    float* gradient = gradients + r * dim;
    const float* unit = units + r * dim;
    const float factor = inverse[r];
    const Sums sums =
        warp_sums(gradient, unit, dim, lane, [](float x, float y, Sums& s) { s.first += x * y; });
    map_rows(gradient, gradient, unit, dim, lane, false,
             [&](float, float g, float u) { return (g - sums.first * u) * factor; });
  }
}

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

__global__ void add_targets_kernel(const float* units, const int64_t* targets, int64_t first, int64_t columns,
                                   const double* target_gradients, float factor, int64_t batch, int64_t dim,
                                   float* gradients) {
  const int lane = threadIdx.x % warp_size;
  for (int64_t i = first_row(); i < batch; i += row_step()) {
    const int64_t row = targets[i] - first;
    if (row < 0 || row >= columns) continue;
    // The first sample of a class adds for all of them.
    bool is_first = true;
    for (int64_t j = 0; j < i; ++j) is_first = is_first && targets[j] != targets[i];
    if (!is_first) continue;
    float* gradient = gradients + row * dim;
    for (int64_t j = i; j < batch; ++j) {
      if (targets[j] != targets[i]) continue;
      const float own = factor * static_cast<float>(target_gradients[j]);
      for (int64_t d = lane; d < dim; d += warp_size) gradient[d] += own * units[j * dim + d];
    }
  }
}

__device__ inline float value_of(const Factor& factor) {
  return factor.on_device != nullptr ? factor.value * *factor.on_device : factor.value;
}

__global__ void add_scaled_kernel(const float* part, int64_t count, Factor factor, bool accumulate,
                                  float* sum) {
  const float by = value_of(factor);
  for (int64_t e = first_element(); e < count; e += element_step())
    sum[e] = (accumulate ? sum[e] : 0.0f) + by * part[e];
}

__device__ inline RowGeometry<float> geometry_of(const float* unit_gradient, const float* row, int64_t dim,
                                                 int lane) {
  const Sums sums = warp_sums(unit_gradient, row, dim, lane, [](float x, float y, Sums& s) {
    s.first += x * y;
    s.second += y * y;
  });
  return row_geometry(sums.first, sums.second);
}

template <class L>
__global__ void step_rows_kernel(const float* unit_gradients, const int64_t* index, int64_t count,
                                 int64_t dim, Factor factor, RowStep<float> step, const float* found_inf,
                                 float* centres, float* velocities, L* units) {
  if (found_inf != nullptr && *found_inf != 0) return;
  const float by = value_of(factor);
  const int lane = threadIdx.x % warp_size;
  for (int64_t r = first_row(); r < count; r += row_step()) {
    const int64_t at = (index != nullptr ? index[r] : r) * dim;
    const float* unit_gradient = unit_gradients + r * dim;
    float* centre = centres + at;
    float* velocity = velocities != nullptr ? velocities + at : nullptr;
    const RowGeometry<float> geometry = geometry_of(unit_gradient, centre, dim, lane);
    if (dim % 4 == 0) {
      for (int64_t p = lane; p < dim / 4; p += warp_size) {
        const Pack<float> gradient = reinterpret_cast<const Pack<float>*>(unit_gradient)[p];
        Pack<float> w = reinterpret_cast<Pack<float>*>(centre)[p];
        Pack<float> v{};
        if (velocity != nullptr) v = reinterpret_cast<Pack<float>*>(velocity)[p];
        for (int j = 0; j < 4; ++j) {
          w.values[j] = stepped(by * through_length(gradient.values[j], w.values[j], geometry), w.values[j],
                                velocity != nullptr ? &v.values[j] : nullptr, step);
        }
        reinterpret_cast<Pack<float>*>(centre)[p] = w;
        if (velocity != nullptr) reinterpret_cast<Pack<float>*>(velocity)[p] = v;
      }
    } else {
      for (int64_t d = lane; d < dim; d += warp_size) {
        centre[d] = stepped(by * through_length(unit_gradient[d], centre[d], geometry), centre[d],
                            velocity != nullptr ? velocity + d : nullptr, step);
      }
    }
    if (units != nullptr) {
      __syncwarp();  // other lanes wrote what this one reads
      narrow_row(centre, inverse_length(square_of(centre, dim, lane)), dim, lane, units + r * dim);
    }
  }
}

__global__ void gradient_rows_kernel(const float* unit_gradients, const int64_t* index, const float* centres,
                                     int64_t count, int64_t dim, Factor factor, float* gradients) {
  const int lane = threadIdx.x % warp_size;
  const float by = value_of(factor);
  for (int64_t r = first_row(); r < count; r += row_step()) {
    const int64_t at = (index != nullptr ? index[r] : r) * dim;
    const float* unit_gradient = unit_gradients + r * dim;
    const RowGeometry<float> geometry = geometry_of(unit_gradient, centres + at, dim, lane);
    map_rows(gradients + at, unit_gradient, centres + at, dim, lane, false,
             [&](float, float g, float w) { return by * through_length(g, w, geometry); });
  }
}

__global__ void class_keys_kernel(uint64_t draw, int64_t count, int64_t* keys) {
  for (int64_t row = first_element(); row < count; row += element_step()) keys[row] = class_key(draw, row);
}

// Launchers. Grid-stride loops: enough blocks to fill any device, and no more.

constexpr int64_t most_blocks = 4096;
constexpr unsigned warp_threads = warps_per_block * warp_size;

inline unsigned grid_for(int64_t blocks) {
  return static_cast<unsigned>(blocks < 1 ? 1 : (blocks < most_blocks ? blocks : most_blocks));
}
inline unsigned grid_for_rows(int64_t rows) {
  return grid_for((rows + warps_per_block - 1) / warps_per_block);
}
inline unsigned grid_for_elements(int64_t elements) {
  return grid_for((elements + row_threads - 1) / row_threads);
}

template <class L>
void unit_rows(const float* rows, const int64_t* index, int64_t count, int64_t dim, L* units,
               cudaStream_t stream) {
  KAPPA_LAUNCH((unit_rows_kernel<L>), grid_for_rows(count), warp_threads, stream, rows, index, count, dim,
               units);
}

const SampleKernels<float>& sample_kernels() {
  static constexpr SampleKernels<float> kernels = {
      [](const float* rows, int64_t count, int64_t dim, float* units, float* inverse, KernelStream stream) {
        KAPPA_LAUNCH(normalize_kernel, grid_for_rows(count), warp_threads, static_cast<cudaStream_t>(stream),
                     rows, count, dim, units, inverse);
      },
      [](const float* units, const TargetClasses<float>& targets, double scale,
         const MarginFunction& function, const Samples<float>& samples, KernelStream stream) {
        KAPPA_LAUNCH(find_targets_kernel, grid_for_rows(samples.batch), warp_threads,
                     static_cast<cudaStream_t>(stream), units, targets, scale, function, samples);
      },
      [](const Samples<float>& samples, KernelStream stream) {
        KAPPA_LAUNCH(refer_kernel, grid_for_elements(samples.batch), row_threads,
                     static_cast<cudaStream_t>(stream), samples);
      },
      [](const Samples<float>& samples, KernelStream stream) {
        KAPPA_LAUNCH(finish_kernel, grid_for_elements(samples.batch), row_threads,
                     static_cast<cudaStream_t>(stream), samples);
      },
      [](const float* outputs, const TargetClasses<float>& targets, const Samples<float>& samples,
         double factor, float* gradients, KernelStream stream) {
        KAPPA_LAUNCH(unit_gradients_kernel, grid_for_rows(samples.batch), warp_threads,
                     static_cast<cudaStream_t>(stream), outputs, targets, samples, factor, gradients);
      },
      [](const float* units, const float* inverse, int64_t count, int64_t dim, float* gradients,
         KernelStream stream) {
        KAPPA_LAUNCH(through_normalization_kernel, grid_for_rows(count), warp_threads,
                     static_cast<cudaStream_t>(stream), units, inverse, count, dim, gradients);
      },
  };
  return kernels;
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

void add_targets(const float* units, const int64_t* targets, int64_t first, int64_t columns,
                 const double* target_gradients, float factor, int64_t batch, int64_t dim, float* gradients,
                 cudaStream_t stream) {
  KAPPA_LAUNCH(add_targets_kernel, grid_for_rows(batch), warp_threads, stream, units, targets, first, columns,
               target_gradients, factor, batch, dim, gradients);
}

void add_scaled(const float* part, int64_t count, const Factor& factor, bool accumulate, float* sum,
                cudaStream_t stream) {
  KAPPA_LAUNCH(add_scaled_kernel, grid_for_elements(count), row_threads, stream, part, count, factor,
               accumulate, sum);
}

template <class L>
void step_rows(const float* unit_gradients, const int64_t* index, int64_t count, int64_t dim,
               const Factor& factor, const RowStep<float>& step, const float* found_inf, float* centres,
               float* velocities, L* units, cudaStream_t stream) {
  KAPPA_LAUNCH((step_rows_kernel<L>), grid_for_rows(count), warp_threads, stream, unit_gradients, index,
               count, dim, factor, step, found_inf, centres, velocities, units);
}

void gradient_rows(const float* unit_gradients, const int64_t* index, const float* centres, int64_t count,
                   int64_t dim, const Factor& factor, float* gradients, cudaStream_t stream) {
  KAPPA_LAUNCH(gradient_rows_kernel, grid_for_rows(count), warp_threads, stream, unit_gradients, index,
               centres, count, dim, factor, gradients);
}

void class_keys(uint64_t draw, int64_t count, int64_t* keys, cudaStream_t stream) {
  KAPPA_LAUNCH(class_keys_kernel, grid_for_elements(count), row_threads, stream, draw, count, keys);
}

#define KAPPA_INSTANTIATE(L)                                                                         \
  template void unit_rows<L>(const float*, const int64_t*, int64_t, int64_t, L*, cudaStream_t);      \
  template void exponentials<L>(const LogitBlock&, const float*, L*, int64_t, float*, cudaStream_t); \
  template void weigh_units<L>(const float*, const double*, int64_t, int64_t, L*, cudaStream_t);     \
  template void step_rows<L>(const float*, const int64_t*, int64_t, int64_t, const Factor&,          \
                             const RowStep<float>&, const float*, float*, float*, L*, cudaStream_t);
KAPPA_INSTANTIATE(float)
KAPPA_INSTANTIATE(Half)
KAPPA_INSTANTIATE(BFloat16)
#undef KAPPA_INSTANTIATE

}  // namespace kappa::cuda
