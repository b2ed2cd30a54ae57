// What the kernels of batch normalisation must do, against plain loops in double.
#pragma once
#include <random>

#include "kernels/cuda/batch_norm.h"
#include "kernels/cuda/check_tools.h"

namespace kappa::cuda {

struct NormProblem {
  int64_t rows, channels;
  bool has_slope, has_shortcut;
  /// Of every value, far from which its deviation is small.
  double offset = 0;
};

template <class L>
std::vector<L> narrowed(const std::vector<double>& values) {
  std::vector<L> result;
  for (const double value : values) result.push_back(narrow<L>(static_cast<float>(value)));
  return result;
}

template <class L>
std::vector<double> widened(const std::vector<L>& values) {
  std::vector<double> result;
  for (const L value : values) result.push_back(static_cast<double>(widen(value)));
  return result;
}

/// One pass forward and one back, by the kernels and by loops over what they are given.
template <class L>
void check_norm(const NormProblem& p, Report& report) {
  std::mt19937 generator(static_cast<unsigned>(p.rows * 31 + p.channels));
  std::normal_distribution<double> normal;
  const auto drawn = [&](int64_t count, double scale, double offset) {
    std::vector<double> values(static_cast<size_t>(count));
    for (double& value : values) value = offset + scale * normal(generator);
    return values;
  };
  const auto column = [&](double scale, double offset) {
    return narrowed<float>(drawn(p.channels, scale, offset));
  };
  const int64_t count = p.rows * p.channels;
  const auto x = narrowed<L>(drawn(count, 1, p.offset));
  const auto upstream = narrowed<L>(drawn(count, 1, 0.2));
  const auto shortcut = narrowed<L>(drawn(count, 1, 0));
  const auto weight = column(0.3, 1), bias = column(0.3, 0), slope = column(0.1, 0.25);
  const auto running_mean = column(1, 0), running_variance = column(0.1, 1);
  const double momentum = 0.1, epsilon = 1e-5;

  Buffer<L> xs(x), ups(upstream), shorts(shortcut), ys(x.size()), dxs(x.size());
  const auto floats = [&] { return static_cast<size_t>(p.channels); };
  Buffer<float> weights(weight), biases(bias), slopes(slope), means(floats()), inverses(floats()),
      running_means(running_mean), running_variances(running_variance), dweights(floats()), dbiases(floats()),
      dslopes(floats());
  Buffer<float> scratch(static_cast<size_t>(norm_scratch(p.rows, p.channels, sizeof(L))));
  batch_statistics<L>(
      xs.data(), p.rows, p.channels,
      {means.data(), inverses.data(), running_means.data(), running_variances.data(), momentum, epsilon},
      scratch.data(), nullptr);
  const ChannelNorm norm{means.data(), inverses.data(), weights.data(), biases.data(),
                         p.has_slope ? slopes.data() : nullptr};
  normalize<L>(xs.data(), p.rows, p.channels, norm, p.has_shortcut ? shorts.data() : nullptr, ys.data(),
               nullptr);
  const ChannelGradients gradients{dweights.data(), dbiases.data(), p.has_slope ? dslopes.data() : nullptr};
  norm_gradients<L>(xs.data(), ups.data(), p.rows, p.channels, norm, gradients, scratch.data(), nullptr);
  input_gradients<L>(xs.data(), ups.data(), p.has_shortcut ? shorts.data() : nullptr, p.rows, p.channels,
                     norm, gradients, dxs.data(), nullptr);

  std::vector<double> y(x.size()), dx(x.size()), mean(floats()), inverse(floats()), moved_mean(floats()),
      moved_variance(floats()), dweight(floats()), dbias(floats()), dslope(floats());
  const auto n = static_cast<double>(p.rows);
  for (size_t c = 0; c < floats(); ++c) {
    const auto at = [&](int64_t row) { return static_cast<size_t>(row * p.channels) + c; };
    const auto value = [](L of) { return static_cast<double>(widen(of)); };
    double variance = 0;
    for (int64_t r = 0; r < p.rows; ++r) mean[c] += value(x[at(r)]) / n;
    for (int64_t r = 0; r < p.rows; ++r) variance += std::pow(value(x[at(r)]) - mean[c], 2) / n;
    inverse[c] = 1 / std::sqrt(variance + epsilon);
    moved_mean[c] = (1 - momentum) * running_mean[c] + momentum * mean[c];
    moved_variance[c] =
        (1 - momentum) * running_variance[c] + momentum * variance * (p.rows > 1 ? n / (n - 1) : 1);
    std::vector<double> by_normalised(static_cast<size_t>(p.rows));
    double sum = 0, dot = 0;
    for (int64_t r = 0; r < p.rows; ++r) {
      const double normalised = (value(x[at(r)]) - mean[c]) * inverse[c];
      const double z = normalised * weight[c] + bias[c];
      const bool bends = p.has_slope && !(z > 0);
      y[at(r)] = (bends ? z * slope[c] : z) + (p.has_shortcut ? value(shortcut[at(r)]) : 0);
      const double above = value(upstream[at(r)]);
      if (bends) dslope[c] += above * z;
      const double gradient = bends ? above * slope[c] : above;
      dbias[c] += gradient;
      dweight[c] += gradient * normalised;
      by_normalised[static_cast<size_t>(r)] = gradient * weight[c];
      sum += gradient * weight[c];
      dot += gradient * weight[c] * normalised;
    }
    for (int64_t r = 0; r < p.rows; ++r) {
      const double normalised = (value(x[at(r)]) - mean[c]) * inverse[c];
      dx[at(r)] = inverse[c] * (by_normalised[static_cast<size_t>(r)] - sum / n - normalised * dot / n) +
                  (p.has_shortcut ? value(shortcut[at(r)]) : 0);
    }
  }
  const std::string name = std::string(Precision<L>::name) + ", " + std::to_string(p.rows) + " x " +
                           std::to_string(p.channels) + (p.has_slope ? ", slope" : "") +
                           (p.has_shortcut ? ", shortcut" : "") + (p.offset != 0 ? ", far from 0" : "");
  const auto near = [&](const char* what, const std::vector<double>& actual,
                        const std::vector<double>& expected, double bound) {
    const double off = distance(actual, expected);
    report.check(off < bound, name + ": " + what + " off by " + std::to_string(off));
  };
  // Sums are exact to float32, whatever the elements are; a value near 0 may fall on the other side of a
  // slope's bend.
  const double exact = p.offset != 0 ? 1e-4 : 1e-5;
  const double rounded = std::max(exact, Precision<L>::tolerance / 10);
  near("mean", widened(means.read()), mean, exact);
  near("deviation", widened(inverses.read()), inverse, exact);
  near("running mean", widened(running_means.read()), moved_mean, exact);
  near("running variance", widened(running_variances.read()), moved_variance, exact);
  near("result", widened(ys.read()), y, rounded);
  near("gradient of the weight", widened(dweights.read()), dweight, 10 * exact);
  near("gradient of the bias", widened(dbiases.read()), dbias, 10 * exact);
  if (p.has_slope) near("gradient of the slope", widened(dslopes.read()), dslope, 10 * exact);
  // Of one or two rows nothing is left but rounding and what is added.
  if (p.rows > 2 || p.has_shortcut) near("gradient of the input", widened(dxs.read()), dx, 10 * rounded);
}

template <class L>
void check_norms_of(Report& report) {
  constexpr int64_t pack = Pack<L>::size;
  for (const int64_t rows : {1, 2, 7, 50, 333}) {
    for (const int64_t packs : {1, 3, 8}) {
      for (const bool has_slope : {false, true}) {
        for (const bool has_shortcut : {false, true})
          check_norm<L>({rows, packs * pack, has_slope, has_shortcut}, report);
      }
    }
  }
  // As many packs as a block has threads at the least.
  check_norm<L>({5, 64 * pack, true, false}, report);
  check_norm<L>({200, 2 * pack, true, true, 30}, report);
  report.check(norm_takes(pack, sizeof(L)) && !norm_takes(pack + 1, sizeof(L)) && !norm_takes(0, sizeof(L)),
               "channels in whole packs");
}

inline void check_norms(Report& report) {
  check_norms_of<float>(report);
  check_norms_of<Half>(report);
  check_norms_of<BFloat16>(report);
}

}  // namespace kappa::cuda
