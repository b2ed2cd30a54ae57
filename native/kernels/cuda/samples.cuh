// The kernels of kernels/samples.h.
#pragma once
#include "kernels/cuda/head.h"
#include "kernels/cuda/warps.cuh"

namespace kappa::cuda {

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

}  // namespace kappa::cuda
