#include "kernels/cpu/samples.h"

#include <cmath>
#include <limits>

#include "runtime/parallel.h"

namespace kappa::cpu {
namespace {

// A sample is worth a thread's while with a few thousand elements.
constexpr int64_t grain = 8;

template <class T>
void normalize(const T* rows, int64_t count, int64_t dim, T* units, T* inverse, KernelStream) {
  parallel_for(0, count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const T* row = rows + i * dim;
      double square = 0;
      for (int64_t d = 0; d < dim; ++d) square += static_cast<double>(row[d]) * row[d];
      const double length = std::sqrt(square);
      const T factor = length > least_length ? static_cast<T>(1 / length) : T(0);
      inverse[i] = std::isnan(length) ? std::numeric_limits<T>::quiet_NaN() : factor;
      for (int64_t d = 0; d < dim; ++d) units[i * dim + d] = row[d] * inverse[i];
    }
  });
}

template <class T>
double inverse_length(const T* row, int64_t dim) {
  double square = 0;
  for (int64_t d = 0; d < dim; ++d) square += static_cast<double>(row[d]) * row[d];
  const double length = std::sqrt(square);
  return length > least_length ? 1 / length : 0;
}

template <class T>
void find_targets(const T* units, const TargetClasses<T>& targets, double scale,
                  const MarginFunction& function, const Samples<T>& samples, KernelStream) {
  parallel_for(0, samples.batch, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t row = targets.row_of(i);
      samples.cosines[i] = 0;
      samples.derivatives[i] = 0;
      samples.rows[i] = targets.walked_row_of(row);
      samples.logits[i] = targets.is_class(i) ? 0 : std::numeric_limits<double>::quiet_NaN();
      if (row < 0) continue;
      const T* centre = targets.centres + row * targets.dim;
      const T* unit = units + i * targets.dim;
      double dot = 0;
      for (int64_t d = 0; d < targets.dim; ++d) dot += static_cast<double>(unit[d]) * centre[d];
      const double cosine = clamp_cosine(dot * inverse_length(centre, targets.dim));
      const auto logit =
          target_logit<double>(cosine, targets.margin_of(i), function, MarginEpsilon<T>::value);
      samples.cosines[i] = static_cast<T>(cosine);
      samples.logits[i] = scale * logit.value;
      samples.derivatives[i] = logit.derivative;
    }
  });
}

template <class T>
void refer(const Samples<T>& samples, KernelStream) {
  for (int64_t i = 0; i < samples.batch; ++i) {
    const double logit = samples.logits[i];
    samples.references[i] = static_cast<T>(logit < 0 ? 0 : logit);
  }
}

template <class T>
void finish(const Samples<T>& samples, KernelStream) {
  for (int64_t i = 0; i < samples.batch; ++i) {
    const double reference = static_cast<double>(samples.references[i]);
    const double others = samples.sums[i];
    const double sum = others + std::exp(samples.logits[i] - reference);
    samples.sums[i] = sum;
    samples.losses[i] = std::log(sum) + reference - samples.logits[i];
    // p - 1 of the target, without the cancellation.
    samples.target_gradients[i] = -(others / sum) * samples.derivatives[i];
  }
}

template <class T>
void unit_gradients(const T* outputs, const TargetClasses<T>& targets, const Samples<T>& samples,
                    double factor, T* gradients, KernelStream) {
  const int64_t dim = targets.dim;
  parallel_for(0, samples.batch, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const T* output = outputs + i * dim;
      T* gradient = gradients + i * dim;
      const double share = factor / samples.sums[i];
      for (int64_t d = 0; d < dim; ++d) gradient[d] = static_cast<T>(share * output[d]);
      const int64_t row = targets.row_of(i);
      if (row < 0) continue;
      const T* centre = targets.centres + row * dim;
      const T own = static_cast<T>(factor * samples.target_gradients[i] * inverse_length(centre, dim));
      for (int64_t d = 0; d < dim; ++d) gradient[d] += own * centre[d];
    }
  });
}

template <class T>
void through_normalization(const T* units, const T* inverse, int64_t count, int64_t dim, T* gradients,
                           KernelStream) {
  parallel_for(0, count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      T* gradient = gradients + i * dim;
      const T* unit = units + i * dim;
      double along = 0;
      for (int64_t d = 0; d < dim; ++d) along += static_cast<double>(gradient[d]) * unit[d];
      for (int64_t d = 0; d < dim; ++d)
        gradient[d] = (gradient[d] - static_cast<T>(along) * unit[d]) * inverse[i];
    }
  });
}

}  // namespace

template <class T>
const SampleKernels<T>& sample_kernels() {
  static constexpr SampleKernels<T> kernels = {normalize<T>, find_targets<T>,   refer<T>,
                                               finish<T>,    unit_gradients<T>, through_normalization<T>};
  return kernels;
}
template const SampleKernels<float>& sample_kernels<float>();
template const SampleKernels<double>& sample_kernels<double>();

}  // namespace kappa::cpu
