// Fused batch normalisation (nn/fused_norm.h) on the CPU.
//
// x is a matrix (rows, channels), a row for each pixel of each image. Rows of few channels are taken several
// at a time, as a line of at least `least_line` values, so that a loop over a line is long. Lines are cut
// into pieces that threads take one after the other. Sums are float32 within a piece and float64 over the
// pieces, in their order: neither the number of threads nor who takes which piece changes a result.
#include "nn/fused_norm.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <vector>

#include "runtime/cpu_clones.h"
#include "runtime/parallel.h"

namespace kappa::cpu {
namespace {

using at::Tensor;

constexpr int64_t least_line = 128;
constexpr int64_t piece_bytes = 64 * 1024;
constexpr int64_t most_pieces = 1024;

struct BFloat16 {
  uint16_t bits;
};

KAPPA_INLINE float widen(float value) { return value; }
KAPPA_INLINE float widen(BFloat16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16);
}

KAPPA_INLINE void narrow(float value, float& to) { to = value; }
/// To the nearest, ties to even; what is not a number stays none.
KAPPA_INLINE void narrow(float value, BFloat16& to) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  to.bits = static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded);
}

// Of a PReLU, without branches: GCC leaves a loop with one as it is where there are no masks (AVX2).
KAPPA_INLINE uint32_t where_not_above_zero(float value) { return value > 0 ? 0u : ~0u; }
KAPPA_INLINE float kept_where(uint32_t mask, float value) {
  return std::bit_cast<float>(std::bit_cast<uint32_t>(value) & mask);
}
KAPPA_INLINE float below_zero(float value) { return kept_where(where_not_above_zero(value), value); }
KAPPA_INLINE float bent(float value, float slope) {
  const uint32_t below = where_not_above_zero(value);
  return kept_where(~below, value) + kept_where(below, value) * slope;
}
KAPPA_INLINE float steepness(float value, float slope) {
  const uint32_t below = where_not_above_zero(value);
  return kept_where(~below, 1.0f) + kept_where(below, slope);
}

/// Calls `body` with the element type of x.
template <class Body>
void with_element(const Tensor& x, const Body& body) {
  if (x.scalar_type() == at::kBFloat16) return body(BFloat16{});
  return body(float{});
}

template <class L>
const L* elements(const Tensor& tensor) {
  return tensor.defined() ? static_cast<const L*>(tensor.const_data_ptr()) : nullptr;
}

template <class L>
L* written(const Tensor& tensor) {
  return static_cast<L*>(tensor.mutable_data_ptr());
}

/// How x is cut: into lines of whole rows, and those into pieces.
struct Cut {
  int64_t channels, rows, line, piece, pieces;  // line and piece in values

  explicit Cut(const Tensor& x) : channels(x.size(1)), rows(x.numel() / x.size(1)) {
    line = channels * std::max<int64_t>(1, least_line / channels);
    const int64_t lines = at::divup(x.numel(), line);
    const int64_t together = std::max(piece_bytes / (line * static_cast<int64_t>(x.element_size())),
                                      at::divup(lines, most_pieces));
    piece = line * std::max<int64_t>(1, together);
    pieces = at::divup(x.numel(), piece);
  }

  /// Calls `body(piece, first value, number of values)`, on several threads.
  template <class Body>
  void for_pieces(const Body& body) const {
    const int64_t values = rows * channels;
    parallel_pieces(pieces, [&](int64_t i) { body(i, i * piece, std::min(piece, values - i * piece)); });
  }

  /// The values of the channels, along a line.
  template <class Value>
  std::vector<float> along_line(const Value& value) const {
    std::vector<float> result(static_cast<size_t>(line));
    for (int64_t i = 0; i < line; ++i) result[static_cast<size_t>(i)] = value(i % channels);
    return result;
  }
  std::vector<float> along_line(const Tensor& by_channel) const {
    if (!by_channel.defined()) return {};
    const float* values = by_channel.const_data_ptr<float>();
    return along_line([values](int64_t channel) { return values[channel]; });
  }
};

/// Sums over the rows: so many quantities of every channel, a line of each for each piece.
class Sums {
 public:
  Sums(const Cut& cut, int64_t quantities)
      : cut_(cut),
        quantities_(quantities),
        values_(static_cast<size_t>(cut.pieces * quantities * cut.line), 0.0f) {}

  float* of_piece(int64_t piece, int64_t quantity) {
    return values_.data() + (piece * quantities_ + quantity) * cut_.line;
  }

  std::vector<double> total(int64_t quantity) {
    std::vector<double> result(static_cast<size_t>(cut_.channels), 0.0);
    for (int64_t piece = 0; piece < cut_.pieces; ++piece) {
      const float* values = of_piece(piece, quantity);
      for (int64_t first = 0; first < cut_.line; first += cut_.channels)
        for (int64_t c = 0; c < cut_.channels; ++c) result[static_cast<size_t>(c)] += values[first + c];
    }
    return result;
  }

 private:
  const Cut& cut_;
  int64_t quantities_;
  std::vector<float> values_;
};

/// Of lines of `line` values, of which the last may be shorter.
template <class L>
KAPPA_INLINE void add_moments(const L* x, int64_t count, int64_t line, const float* pivots, float* sums,
                              float* squares) {
  for (int64_t at = 0; at < count; at += line) {
    const int64_t size = line < count - at ? line : count - at;
#pragma omp simd
    for (int64_t i = 0; i < size; ++i) {
      const float value = widen(x[at + i]) - pivots[i];
      sums[i] += value;
      squares[i] += value * value;
    }
  }
}

/// How a line is normalised.
struct LineNorm {
  const float *mean, *inverse, *weight, *bias, *slope;
};

template <bool has_slope, bool has_shortcut, class L>
KAPPA_INLINE void normalize_lines(const L* x, const L* shortcut, int64_t count, int64_t line, LineNorm norm,
                                  L* y) {
  for (int64_t at = 0; at < count; at += line) {
    const int64_t size = line < count - at ? line : count - at;
#pragma omp simd
    for (int64_t i = 0; i < size; ++i) {
      float value = (widen(x[at + i]) - norm.mean[i]) * norm.inverse[i] * norm.weight[i] + norm.bias[i];
      if constexpr (has_slope) value = bent(value, norm.slope[i]);
      if constexpr (has_shortcut) value += widen(shortcut[at + i]);
      narrow(value, y[at + i]);
    }
  }
}

template <bool has_slope, class L>
KAPPA_INLINE void add_gradients(const L* x, const L* upstream, int64_t count, int64_t line, LineNorm norm,
                                float* by_weight, float* by_bias, float* by_slope) {
  for (int64_t at = 0; at < count; at += line) {
    const int64_t size = line < count - at ? line : count - at;
#pragma omp simd
    for (int64_t i = 0; i < size; ++i) {
      const float normalised = (widen(x[at + i]) - norm.mean[i]) * norm.inverse[i];
      float gradient = widen(upstream[at + i]);
      if constexpr (has_slope) {
        const float value = normalised * norm.weight[i] + norm.bias[i];
        by_slope[i] += gradient * below_zero(value);
        gradient *= steepness(value, norm.slope[i]);
      }
      by_bias[i] += gradient;
      by_weight[i] += gradient * normalised;
    }
  }
}

/// @param factor inverse times weight
/// @param by_bias, by_weight the gradients by bias and weight, over the number of rows
template <bool has_slope, bool has_addend, class L>
KAPPA_INLINE void input_gradients(const L* x, const L* upstream, const L* addend, int64_t count, int64_t line,
                                  LineNorm norm, const float* factor, const float* by_bias,
                                  const float* by_weight, L* out) {
  for (int64_t at = 0; at < count; at += line) {
    const int64_t size = line < count - at ? line : count - at;
#pragma omp simd
    for (int64_t i = 0; i < size; ++i) {
      const float normalised = (widen(x[at + i]) - norm.mean[i]) * norm.inverse[i];
      float gradient = widen(upstream[at + i]);
      if constexpr (has_slope)
        gradient *= steepness(normalised * norm.weight[i] + norm.bias[i], norm.slope[i]);
      float value = factor[i] * (gradient - by_bias[i] - normalised * by_weight[i]);
      if constexpr (has_addend) value += widen(addend[at + i]);
      narrow(value, out[at + i]);
    }
  }
}

/// What is by channel, along a line.
class LineChannels {
 public:
  LineChannels(const Cut& cut, const ChannelTensors& channels)
      : mean_(cut.along_line(channels.mean)),
        inverse_(cut.along_line(channels.inverse)),
        weight_(cut.along_line(channels.weight)),
        bias_(cut.along_line(channels.bias)),
        slope_(cut.along_line(channels.slope)) {}

  LineNorm norm() const {
    return {mean_.data(), inverse_.data(), weight_.data(), bias_.data(), slope_.data()};
  }
  bool has_slope() const { return !slope_.empty(); }
  std::vector<float> factors() const {
    std::vector<float> result(inverse_.size());
    for (size_t i = 0; i < result.size(); ++i) result[i] = inverse_[i] * weight_[i];
    return result;
  }

 private:
  std::vector<float> mean_, inverse_, weight_, bias_, slope_;
};

/// Calls `body` with both answers as constants.
template <class Body>
void with_both(bool first, bool second, const Body& body) {
  const auto with_second = [&](auto known) {
    second ? body(known, std::true_type{}) : body(known, std::false_type{});
  };
  first ? with_second(std::true_type{}) : with_second(std::false_type{});
}

bool takes(const Tensor& x) {
  return x.dim() == 4 && x.numel() > 0 &&
         (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) &&
         x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

void statistics(const Tensor& x, const ChannelTensors& channels, const Tensor& running_mean,
                const Tensor& running_variance, double momentum, double epsilon) {
  const Cut cut(x);
  Sums sums(cut, 2);
  std::vector<float> pivots;
  with_element(x, [&](auto element) {
    using L = decltype(element);
    const L* values = elements<L>(x);
    // The first value of a channel: no digits are lost where the mean is far from 0.
    pivots = cut.along_line([values](int64_t channel) { return widen(values[channel]); });
    cut.for_pieces([&](int64_t piece, int64_t first, int64_t count) {
      const L* own = values + first;
      const float* pivot = pivots.data();
      float* sum = sums.of_piece(piece, 0);
      float* square = sums.of_piece(piece, 1);
      const int64_t line = cut.line;
      KAPPA_CLONE(add_moments(own, count, line, pivot, sum, square));
    });
  });
  const auto rows = static_cast<double>(cut.rows);
  const std::vector<double> sum = sums.total(0), square = sums.total(1);
  float* mean = written<float>(channels.mean);
  float* inverse = written<float>(channels.inverse);
  for (size_t c = 0; c < sum.size(); ++c) {
    const double offset = sum[c] / rows;
    const double value = pivots[c] + offset;
    // What is not a number stays none.
    const double raw = square[c] / rows - offset * offset;
    const double variance = raw < 0 ? 0 : raw;
    mean[c] = static_cast<float>(value);
    inverse[c] = static_cast<float>(1 / std::sqrt(variance + epsilon));
    if (!running_mean.defined()) continue;
    float& moved_mean = written<float>(running_mean)[c];
    float& moved_variance = written<float>(running_variance)[c];
    const double unbiased = rows > 1 ? variance * rows / (rows - 1) : variance;
    moved_mean = static_cast<float>((1 - momentum) * moved_mean + momentum * value);
    moved_variance = static_cast<float>((1 - momentum) * moved_variance + momentum * unbiased);
  }
}

void normalize(const Tensor& x, const ChannelTensors& channels, const Tensor& shortcut, const Tensor& y) {
  const Cut cut(x);
  const LineChannels lines(cut, channels);
  with_element(x, [&](auto element) {
    using L = decltype(element);
    with_both(lines.has_slope(), shortcut.defined(), [&](auto slope, auto added) {
      constexpr bool has_slope = decltype(slope)::value, has_shortcut = decltype(added)::value;
      cut.for_pieces([&](int64_t, int64_t first, int64_t count) {
        const L* own = elements<L>(x) + first;
        const L* own_shortcut = has_shortcut ? elements<L>(shortcut) + first : nullptr;
        L* out = written<L>(y) + first;
        const LineNorm norm = lines.norm();
        const int64_t line = cut.line;
        KAPPA_CLONE(normalize_lines<has_slope, has_shortcut>(own, own_shortcut, count, line, norm, out));
      });
    });
  });
}

void channel_gradients(const Tensor& x, const Tensor& upstream, const ChannelTensors& channels,
                       const ChannelTensors& gradients) {
  const Cut cut(x);
  const LineChannels lines(cut, channels);
  Sums sums(cut, lines.has_slope() ? 3 : 2);
  with_element(x, [&](auto element) {
    using L = decltype(element);
    cut.for_pieces([&](int64_t piece, int64_t first, int64_t count) {
      const L* own = elements<L>(x) + first;
      const L* above = elements<L>(upstream) + first;
      const LineNorm norm = lines.norm();
      const int64_t line = cut.line;
      float* by_weight = sums.of_piece(piece, 0);
      float* by_bias = sums.of_piece(piece, 1);
      if (lines.has_slope()) {
        float* by_slope = sums.of_piece(piece, 2);
        KAPPA_CLONE(add_gradients<true>(own, above, count, line, norm, by_weight, by_bias, by_slope));
      } else {
        KAPPA_CLONE(add_gradients<false>(own, above, count, line, norm, by_weight, by_bias, nullptr));
      }
    });
  });
  const Tensor* const results[] = {&gradients.weight, &gradients.bias, &gradients.slope};
  for (int64_t q = 0; q < (lines.has_slope() ? 3 : 2); ++q) {
    const std::vector<double> total = sums.total(q);
    std::copy(total.begin(), total.end(), written<float>(*results[q]));
  }
}

void input_gradient(const Tensor& x, const Tensor& upstream, const Tensor& addend,
                    const ChannelTensors& channels, const ChannelTensors& gradients, const Tensor& out) {
  const Cut cut(x);
  const LineChannels lines(cut, channels);
  const std::vector<float> factors = lines.factors();
  const auto mean_over_rows = [&](const Tensor& gradient) {
    const float* values = gradient.const_data_ptr<float>();
    const auto rows = static_cast<double>(cut.rows);
    return cut.along_line([=](int64_t channel) { return static_cast<float>(values[channel] / rows); });
  };
  const std::vector<float> bias_means = mean_over_rows(gradients.bias);
  const std::vector<float> weight_means = mean_over_rows(gradients.weight);
  with_element(x, [&](auto element) {
    using L = decltype(element);
    with_both(lines.has_slope(), addend.defined(), [&](auto slope, auto added) {
      constexpr bool has_slope = decltype(slope)::value, has_addend = decltype(added)::value;
      cut.for_pieces([&](int64_t, int64_t first, int64_t count) {
        const L* own = elements<L>(x) + first;
        const L* above = elements<L>(upstream) + first;
        const L* own_addend = has_addend ? elements<L>(addend) + first : nullptr;
        L* to = written<L>(out) + first;
        const LineNorm norm = lines.norm();
        const int64_t line = cut.line;
        const float *factor = factors.data(), *by_bias = bias_means.data(), *by_weight = weight_means.data();
        KAPPA_CLONE(input_gradients<has_slope, has_addend>(own, above, own_addend, count, line, norm, factor,
                                                           by_bias, by_weight, to));
      });
    });
  });
}

const NormDevice norms{takes, statistics, normalize, channel_gradients, input_gradient};
[[maybe_unused]] const bool norms_registered = (register_norm_device(at::kCPU, &norms), true);

}  // namespace
}  // namespace kappa::cpu
