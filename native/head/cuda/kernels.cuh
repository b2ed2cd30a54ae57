// The kernels themselves. nvcc compiles this file for the device; the tests compile the very same file for
// the CPU with test/cuda_on_cpu.h, which plays blocks, threads, barriers and shuffles.
#pragma once
#include <cmath>

#include "head/cuda/kernels.h"

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

/// Calls `each(values, count)` on 16-byte packs of a row, one thread after the other, then on what is left.
template <class L, class Each>
__device__ inline void for_packs(L* row, int64_t count, int first, int step, const Each& each) {
  using Packed = Pack<L>;
  const int64_t packs = count / Packed::size;
  auto* packed = reinterpret_cast<Packed*>(row);
  for (int64_t p = first; p < packs; p += step) {
    Packed values = packed[p];
    if (each(values.values, p * Packed::size, Packed::size)) packed[p] = values;
  }
  for (int64_t i = packs * Packed::size + first; i < count; i += step) {
    L value = row[i];
    if (each(&value, i, 1)) row[i] = value;
  }
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

__device__ inline float inverse_length(float square) {
  return square > static_cast<float>(least_length * least_length) ? 1.0f / sqrtf(square) : 0.0f;
}

__device__ inline int64_t first_row() {
  return static_cast<int64_t>(blockIdx.x) * warps_per_block + threadIdx.x / warp_size;
}
__device__ inline int64_t row_step() { return static_cast<int64_t>(gridDim.x) * warps_per_block; }

template <class L>
__global__ void unit_rows_kernel(const float* rows, const int64_t* index, int64_t count, int64_t dim,
                                 L* units, float* inverse) {
  const int lane = threadIdx.x % warp_size;
  for (int64_t r = first_row(); r < count; r += row_step()) {
    const float* row = rows + (index != nullptr ? index[r] : r) * dim;
    const Sums sums = warp_sums(row, row, dim, lane, [](float x, float y, Sums& s) { s.first += x * y; });
    const float factor = inverse_length(sums.first);
    L* out = units + r * dim;
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
    if (lane == 0) inverse[r] = factor;
  }
}

__global__ void target_logits_kernel(const float* units, const float* centres, const int64_t* labels,
                                     const float* margins, int64_t batch, int64_t dim, int64_t first_class,
                                     int64_t classes, float scale, MarginFunction function,
                                     SampleState state) {
  const int lane = threadIdx.x % warp_size;
  for (int64_t i = first_row(); i < batch; i += row_step()) {
    const int64_t local = labels[i] - first_class;
    float cosine = 0;
    TargetLogit<float> logit{0, 0};
    if (local >= 0 && local < classes) {
      const Sums sums =
          warp_sums(units + i * dim, centres + local * dim, dim, lane, [](float x, float y, Sums& s) {
            s.first += x * y;
            s.second += y * y;
          });
      cosine = clamp_cosine(sums.first * inverse_length(sums.second));
      logit = target_logit<float>(cosine, margins[labels[i]], function);
    }
    if (lane == 0) {
      state.target_cosines[i] = cosine;
      state.target_logits[i] = scale * logit.value;
      state.target_derivatives[i] = logit.derivative;
      state.maxima[i] = scale * logit.value;
      state.sums[i] = 0;
    }
  }
}

template <class L>
__global__ void softmax_block_kernel(L* cosines, int64_t stride, int64_t batch, int64_t columns,
                                     const int64_t* target_columns, float scale, float filter_threshold,
                                     SampleState state, float* block_maxima, float* outputs, int64_t dim) {
  __shared__ float partial[row_threads / warp_size];
  const auto first = static_cast<int>(threadIdx.x);
  const auto step = static_cast<int>(blockDim.x);
  for (int64_t i = blockIdx.x; i < batch; i += gridDim.x) {
    L* row = cosines + i * stride;
    const int64_t target = target_columns[i];
    const float before = state.maxima[i];
    float largest = before;
    for_packs(row, columns, first, step, [&](L* values, int64_t at, int count) {
      for (int j = 0; j < count; ++j) {
        const float cosine = widen(values[j]);
        const float logit = is_filtered(cosine, filter_threshold) ? 0.0f : scale * cosine;
        if (at + j != target) largest = fmaxf(largest, logit);
      }
      return false;
    });
    largest = block_reduce(largest, before, partial, [](float value) { return warp_max(value); });

    float sum = 0;
    for_packs(row, columns, first, step, [&](L* values, int64_t at, int count) {
      for (int j = 0; j < count; ++j) {
        const float cosine = widen(values[j]);
        const bool filtered = is_filtered(cosine, filter_threshold);
        const float value = at + j == target ? 0.0f : expf((filtered ? 0.0f : scale * cosine) - largest);
        sum += value;
        values[j] = narrow<L>(filtered ? 0.0f : value);
      }
      return true;
    });
    sum = block_reduce(sum, 0.0f, partial, [](float value) { return warp_sum(value); });

    const float shrink = expf(before - largest);
    if (outputs != nullptr && shrink != 1.0f) {
      for (int64_t d = first; d < dim; d += step) outputs[i * dim + d] *= shrink;
    }
    __syncthreads();  // everyone has read the state
    if (first == 0) {
      state.maxima[i] = largest;
      state.sums[i] = state.sums[i] * shrink + sum;
      block_maxima[i] = largest;
    }
  }
}

__global__ void finish_samples_kernel(int64_t batch, SampleState state) {
  const int64_t step = static_cast<int64_t>(gridDim.x) * blockDim.x;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < batch; i += step) {
    const float others = state.sums[i];
    const float total = others + expf(state.target_logits[i] - state.maxima[i]);
    state.sums[i] = total;
    state.losses[i] = logf(total) + state.maxima[i] - state.target_logits[i];
    // p - 1 without the cancellation.
    state.target_gradients[i] = -(others / total) * state.target_derivatives[i];
  }
}

/// What is left of a row of gradients across its unit vector, over the length of the raw row.
__device__ inline void across_unit(const float* unit, float inverse, int64_t dim, int lane, float* gradient) {
  const Sums sums = warp_sums(gradient, unit, dim, lane, [](float x, float y, Sums& s) { s.first += x * y; });
  map_rows(gradient, gradient, unit, dim, lane, false,
           [&](float, float g, float u) { return (g - sums.first * u) * inverse; });
}

__global__ void embedding_gradients_kernel(const float* outputs, const float* units, const float* inverse,
                                           const float* centres, const int64_t* labels, int64_t batch,
                                           int64_t dim, int64_t first_class, int64_t classes, float factor,
                                           bool whole, SampleState state, float* gradients) {
  const int lane = threadIdx.x % warp_size;
  for (int64_t i = first_row(); i < batch; i += row_step()) {
    const int64_t local = labels[i] - first_class;
    const bool here = local >= 0 && local < classes;
    const float* centre = centres + (here ? local : 0) * dim;
    const Sums sums =
        warp_sums(centre, centre, dim, lane, [](float x, float y, Sums& s) { s.first += x * y; });
    const float share = factor / state.sums[i];
    const float target = here ? factor * state.target_gradients[i] * inverse_length(sums.first) : 0.0f;
    float* row = gradients + i * dim;
    map_rows(row, outputs + i * dim, centre, dim, lane, false,
             [&](float, float output, float w) { return share * output + target * w; });
    __syncwarp();
    if (whole) across_unit(units + i * dim, inverse[i], dim, lane, row);
  }
}

__global__ void through_normalization_kernel(const float* units, const float* inverse, int64_t count,
                                             int64_t dim, float* gradients) {
  const int lane = threadIdx.x % warp_size;
  for (int64_t r = first_row(); r < count; r += row_step())
    across_unit(units + r * dim, inverse[r], dim, lane, gradients + r * dim);
}

template <class L>
__global__ void gradient_block_kernel(L* exponentials, int64_t stride, int64_t batch, int64_t columns,
                                      const int64_t* target_columns, const float* block_maxima,
                                      SampleState state) {
  for (int64_t i = blockIdx.x; i < batch; i += gridDim.x) {
    const float factor = expf(block_maxima[i] - state.maxima[i]) / state.sums[i];
    const int64_t target = target_columns[i];
    const float target_gradient = state.target_gradients[i];
    for_packs(exponentials + i * stride, columns, static_cast<int>(threadIdx.x), static_cast<int>(blockDim.x),
              [&](L* values, int64_t at, int count) {
                for (int j = 0; j < count; ++j) {
                  const float gradient = at + j == target ? target_gradient : widen(values[j]) * factor;
                  values[j] = narrow<L>(gradient);
                }
                return true;
              });
  }
}

/// Lengths and directions that the step of a row needs.
struct RowGeometry {
  float inverse;
  float along;
};

__device__ inline RowGeometry geometry_of(const float* unit_gradient, const float* row, int64_t dim,
                                          int lane) {
  const Sums sums = warp_sums(unit_gradient, row, dim, lane, [](float x, float y, Sums& s) {
    s.first += x * y;
    s.second += y * y;
  });
  const float inverse = inverse_length(sums.second);
  return {inverse, (sums.first * inverse) * (inverse * inverse)};
}

__device__ inline float stepped(float unit_gradient, float centre, float* velocity,
                                const RowGeometry& geometry, float factor, const StepOptions& step) {
  const float gradient =
      factor * (unit_gradient * geometry.inverse - centre * geometry.along) + step.weight_decay * centre;
  if (velocity == nullptr) return centre - step.lr * gradient;
  const float speed = step.momentum * *velocity + gradient;
  *velocity = speed;
  return centre - step.lr * (step.nesterov ? gradient + step.momentum * speed : speed);
}

__global__ void step_rows_kernel(const float* unit_gradients, const int64_t* index, int64_t count,
                                 int64_t dim, float factor, StepOptions step, float* centres,
                                 float* velocities) {
  const int lane = threadIdx.x % warp_size;
  for (int64_t r = first_row(); r < count; r += row_step()) {
    const int64_t at = (index != nullptr ? index[r] : r) * dim;
    const float* unit_gradient = unit_gradients + r * dim;
    float* centre = centres + at;
    float* velocity = velocities != nullptr ? velocities + at : nullptr;
    const RowGeometry geometry = geometry_of(unit_gradient, centre, dim, lane);
    if (dim % 4 == 0) {
      for (int64_t p = lane; p < dim / 4; p += warp_size) {
        const Pack<float> gradient = reinterpret_cast<const Pack<float>*>(unit_gradient)[p];
        Pack<float> w = reinterpret_cast<Pack<float>*>(centre)[p];
        Pack<float> v{};
        if (velocity != nullptr) v = reinterpret_cast<Pack<float>*>(velocity)[p];
        for (int j = 0; j < 4; ++j) {
          w.values[j] = stepped(gradient.values[j], w.values[j], velocity != nullptr ? &v.values[j] : nullptr,
                                geometry, factor, step);
        }
        reinterpret_cast<Pack<float>*>(centre)[p] = w;
        if (velocity != nullptr) reinterpret_cast<Pack<float>*>(velocity)[p] = v;
      }
    } else {
      for (int64_t d = lane; d < dim; d += warp_size) {
        centre[d] = stepped(unit_gradient[d], centre[d], velocity != nullptr ? velocity + d : nullptr,
                            geometry, factor, step);
      }
    }
  }
}

__global__ void gradient_rows_kernel(const float* unit_gradients, const float* centres, int64_t count,
                                     int64_t dim, float factor, bool accumulate, float* gradients) {
  const int lane = threadIdx.x % warp_size;
  for (int64_t r = first_row(); r < count; r += row_step()) {
    const float* unit_gradient = unit_gradients + r * dim;
    const float* centre = centres + r * dim;
    const RowGeometry geometry = geometry_of(unit_gradient, centre, dim, lane);
    map_rows(gradients + r * dim, unit_gradient, centre, dim, lane, accumulate,
             [&](float old, float g, float w) {
               return old + factor * (g * geometry.inverse - w * geometry.along);
             });
  }
}

// Launchers. Grid-stride loops: enough blocks to fill any device, and no more.

constexpr int64_t most_blocks = 4096;

inline unsigned grid_for(int64_t blocks) {
  return static_cast<unsigned>(blocks < 1 ? 1 : (blocks < most_blocks ? blocks : most_blocks));
}
inline unsigned grid_for_rows(int64_t rows) {
  return grid_for((rows + warps_per_block - 1) / warps_per_block);
}

template <class L>
void unit_rows(const float* rows, const int64_t* index, int64_t count, int64_t dim, L* units, float* inverse,
               cudaStream_t stream) {
  KAPPA_LAUNCH((unit_rows_kernel<L>), grid_for_rows(count), warps_per_block * warp_size, stream, rows, index,
               count, dim, units, inverse);
}

void target_logits(const float* units, const float* centres, const int64_t* labels, const float* margins,
                   int64_t batch, int64_t dim, int64_t first_class, int64_t classes, float scale,
                   MarginFunction function, SampleState state, cudaStream_t stream) {
  KAPPA_LAUNCH(target_logits_kernel, grid_for_rows(batch), warps_per_block * warp_size, stream, units,
               centres, labels, margins, batch, dim, first_class, classes, scale, function, state);
}

template <class L>
void softmax_block(L* cosines, int64_t stride, int64_t batch, int64_t columns, const int64_t* target_columns,
                   float scale, float filter_threshold, SampleState state, float* block_maxima,
                   float* outputs, int64_t dim, cudaStream_t stream) {
  KAPPA_LAUNCH((softmax_block_kernel<L>), grid_for(batch), row_threads, stream, cosines, stride, batch,
               columns, target_columns, scale, filter_threshold, state, block_maxima, outputs, dim);
}

void finish_samples(int64_t batch, SampleState state, cudaStream_t stream) {
  KAPPA_LAUNCH(finish_samples_kernel, grid_for((batch + row_threads - 1) / row_threads), row_threads, stream,
               batch, state);
}

void embedding_gradients(const float* outputs, const float* units, const float* inverse, const float* centres,
                         const int64_t* labels, int64_t batch, int64_t dim, int64_t first_class,
                         int64_t classes, float factor, bool whole, SampleState state, float* gradients,
                         cudaStream_t stream) {
  KAPPA_LAUNCH(embedding_gradients_kernel, grid_for_rows(batch), warps_per_block * warp_size, stream, outputs,
               units, inverse, centres, labels, batch, dim, first_class, classes, factor, whole, state,
               gradients);
}

void through_normalization(const float* units, const float* inverse, int64_t count, int64_t dim,
                           float* gradients, cudaStream_t stream) {
  KAPPA_LAUNCH(through_normalization_kernel, grid_for_rows(count), warps_per_block * warp_size, stream, units,
               inverse, count, dim, gradients);
}

template <class L>
void gradient_block(L* exponentials, int64_t stride, int64_t batch, int64_t columns,
                    const int64_t* target_columns, const float* block_maxima, SampleState state,
                    cudaStream_t stream) {
  KAPPA_LAUNCH((gradient_block_kernel<L>), grid_for(batch), row_threads, stream, exponentials, stride, batch,
               columns, target_columns, block_maxima, state);
}

void step_rows(const float* unit_gradients, const int64_t* index, int64_t count, int64_t dim, float factor,
               StepOptions step, float* centres, float* velocities, cudaStream_t stream) {
  KAPPA_LAUNCH(step_rows_kernel, grid_for_rows(count), warps_per_block * warp_size, stream, unit_gradients,
               index, count, dim, factor, step, centres, velocities);
}

void gradient_rows(const float* unit_gradients, const float* centres, int64_t count, int64_t dim,
                   float factor, bool accumulate, float* gradients, cudaStream_t stream) {
  KAPPA_LAUNCH(gradient_rows_kernel, grid_for_rows(count), warps_per_block * warp_size, stream,
               unit_gradients, centres, count, dim, factor, accumulate, gradients);
}

#define KAPPA_INSTANTIATE(L)                                                                                \
  template void unit_rows<L>(const float*, const int64_t*, int64_t, int64_t, L*, float*, cudaStream_t);     \
  template void softmax_block<L>(L*, int64_t, int64_t, int64_t, const int64_t*, float, float, SampleState,  \
                                 float*, float*, int64_t, cudaStream_t);                                    \
  template void gradient_block<L>(L*, int64_t, int64_t, int64_t, const int64_t*, const float*, SampleState, \
                                  cudaStream_t);
KAPPA_INSTANTIATE(float)
KAPPA_INSTANTIATE(Half)
KAPPA_INSTANTIATE(BFloat16)
#undef KAPPA_INSTANTIATE

}  // namespace kappa::cuda
