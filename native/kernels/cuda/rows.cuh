// Rows of centres: at length 1, their gradients, their step.
#pragma once
#include "kernels/class_keys.h"
#include "kernels/cuda/head.h"
#include "kernels/cuda/warps.cuh"

namespace kappa::cuda {

template <class L>
__global__ void unit_rows_kernel(const float* rows, const int64_t* index, int64_t count, int64_t dim,
                                 L* units) {
  const int lane = threadIdx.x % warp_size;
  for (int64_t r = first_row(); r < count; r += row_step()) {
    const float* row = rows + (index != nullptr ? index[r] : r) * dim;
    narrow_row(row, inverse_length(square_of(row, dim, lane)), dim, lane, units + r * dim);
  }
}

__global__ void add_targets_kernel(const float* units, const int64_t* targets, int64_t first, int64_t columns,
                                   const double* target_gradients, float factor, int64_t batch, int64_t dim,
                                   float* gradients) {
  const int lane = threadIdx.x % warp_size;
  for (int64_t i = first_row(); i < batch; i += row_step()) {
    const int64_t row = targets[i] - first;
    if (row < 0 || row >= columns) continue;
    // The first sample of a class adds for all of them, in their order.
    bool is_earlier = false;
    for (int64_t j = lane; j < i; j += warp_size) is_earlier = is_earlier || targets[j] == targets[i];
    if (__ballot_sync(0xffffffffu, is_earlier) != 0) continue;
    float* gradient = gradients + row * dim;
    for (int64_t from = i; from < batch; from += warp_size) {
      const int64_t own = from + lane;
      uint32_t same = __ballot_sync(0xffffffffu, own < batch && targets[own] == targets[i]);
      for (; same != 0; same &= same - 1) {
        const int64_t j = from + lowest_bit(same);
        const float weight = factor * static_cast<float>(target_gradients[j]);
        for (int64_t d = lane; d < dim; d += warp_size) gradient[d] += weight * units[j * dim + d];
      }
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

template <class L>
void unit_rows(const float* rows, const int64_t* index, int64_t count, int64_t dim, L* units,
               cudaStream_t stream) {
  KAPPA_LAUNCH((unit_rows_kernel<L>), grid_for_rows(count), warp_threads, stream, rows, index, count, dim,
               units);
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

}  // namespace kappa::cuda
