// What the kernels must do, against plain loops in double: one list of checks for the CPU (in the tests, with
// cuda_on_cpu.h) and for a real GPU (gpu_check.cu). No torch, no Node.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "head/cuda/kernels.h"
#include "head/cuda/plain_head.h"
#include "tensor/cuda/image_kernel.h"

namespace kappa::cuda {

/// Memory that kernels can reach. On the CPU a vector, on a GPU device memory with copies.
template <class T>
class Buffer {
 public:
  explicit Buffer(std::vector<T> values);
  explicit Buffer(size_t count) : Buffer(std::vector<T>(count)) {}
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  T* data() { return data_; }
  /// The content, once all kernels before are done.
  std::vector<T> read() const;

 private:
  size_t count_;
  T* data_;
};

/// What stands between the kernels: cuBLAS in the product, plain loops here.
template <class L>
std::vector<L> cosines_of(const std::vector<L>& units, const std::vector<L>& block, int64_t batch,
                          int64_t columns, int64_t dim, int64_t stride) {
  std::vector<L> out(static_cast<size_t>(batch * stride));
  for (int64_t i = 0; i < batch; ++i) {
    for (int64_t c = 0; c < columns; ++c) {
      float sum = 0;
      for (int64_t d = 0; d < dim; ++d) sum += widen(units[i * dim + d]) * widen(block[c * dim + d]);
      out[i * stride + c] = narrow<L>(sum);
    }
    // Beyond the columns: nothing may come of it.
    for (int64_t c = columns; c < stride; ++c) out[i * stride + c] = narrow<L>(NAN);
  }
  return out;
}

/// The head by the kernels: forward over blocks of classes, gradients, and (with `step`) moved centres.
/// @param shards the classes are cut in so many parts, each with a walk of its own
template <class L>
HeadResult kernel_head(const HeadProblem& p, int shards, const StepOptions* step,
                       std::vector<double>* velocities) {
  constexpr int64_t pack = Pack<L>::size;
  HeadResult result;
  const auto n = [](int64_t count) { return static_cast<size_t>(count); };
  Buffer<float> embeddings(p.embeddings), centres(p.centres), margins(p.margins);
  Buffer<int64_t> labels(p.labels);
  Buffer<float> units(n(p.batch * p.dim)), inverse(n(p.batch));
  Buffer<L> units_l(n(p.batch * p.dim));
  unit_rows<float>(embeddings.data(), nullptr, p.batch, p.dim, units.data(), inverse.data(), nullptr);
  unit_rows<L>(embeddings.data(), nullptr, p.batch, p.dim, units_l.data(), inverse.data(), nullptr);

  struct Shard {
    int64_t first, classes;
    std::vector<float> state[7];
  };
  std::vector<float> zeros(n(p.batch), 0);
  // Each shard looks for the targets; those elsewhere give zeros, so that the sum has them all.
  std::vector<float> cosines = zeros, logits = zeros;
  std::vector<std::vector<float>> slopes;
  std::vector<std::pair<int64_t, int64_t>> ranges;
  for (int s = 0; s < shards; ++s) {
    const int64_t first = p.classes * s / shards;
    ranges.emplace_back(first, p.classes * (s + 1) / shards - first);
    Buffer<float> c(zeros), l(zeros), d(zeros), m(zeros), u(zeros), o(zeros), g(zeros);
    target_logits(units.data(), centres.data() + first * p.dim, labels.data(), margins.data(), p.batch, p.dim,
                  first, ranges.back().second, p.scale, p.function,
                  {c.data(), l.data(), d.data(), m.data(), u.data(), o.data(), g.data()}, nullptr);
    const auto found_cosines = c.read(), found_logits = l.read();
    slopes.push_back(d.read());
    for (int64_t i = 0; i < p.batch; ++i) {
      cosines[i] += found_cosines[i];
      logits[i] += found_logits[i];
    }
  }
  result.target_cosines.assign(cosines.begin(), cosines.end());

  // The walks. Every shard starts from the same target logits; their sums meet at the largest maximum.
  struct Block {
    int64_t first, columns, stride;
    std::vector<int64_t> targets;
    std::vector<float> maxima;
    std::vector<L> exponentials, units;
  };
  std::vector<Block> blocks;
  std::vector<std::vector<float>> shard_maxima, shard_sums, shard_outputs;
  for (const auto& [first_class, classes] : ranges) {
    Buffer<float> c(cosines), l(logits), d(zeros), m(logits), u(zeros), o(zeros), g(zeros);
    const SampleState state{c.data(), l.data(), d.data(), m.data(), u.data(), o.data(), g.data()};
    std::vector<float> output_sums(n(p.batch * p.dim), 0);
    for (int64_t first = first_class; first < first_class + classes; first += p.block) {
      Block b;
      b.first = first;
      b.columns = std::min(p.block, first_class + classes - first);
      b.stride = (b.columns + pack - 1) / pack * pack;
      for (int64_t label : p.labels) b.targets.push_back(label - first);
      Buffer<L> block_units(n(b.columns * p.dim));
      Buffer<float> block_inverse(n(b.columns));
      unit_rows<L>(centres.data() + first * p.dim, nullptr, b.columns, p.dim, block_units.data(),
                   block_inverse.data(), nullptr);
      b.units = block_units.read();
      Buffer<L> exponentials(cosines_of(units_l.read(), b.units, p.batch, b.columns, p.dim, b.stride));
      Buffer<int64_t> targets(b.targets);
      Buffer<float> maxima(n(p.batch)), outputs(output_sums);
      softmax_block<L>(exponentials.data(), b.stride, p.batch, b.columns, targets.data(), p.scale,
                       p.filter_threshold, state, maxima.data(), outputs.data(), p.dim, nullptr);
      output_sums = outputs.read();
      b.exponentials = exponentials.read();
      b.maxima = maxima.read();
      for (int64_t i = 0; i < p.batch; ++i) {
        for (int64_t k = 0; k < b.columns; ++k) {
          const float e = widen(b.exponentials[i * b.stride + k]);
          for (int64_t x = 0; x < p.dim; ++x) output_sums[i * p.dim + x] += e * widen(b.units[k * p.dim + x]);
        }
      }
      blocks.push_back(std::move(b));
    }
    shard_maxima.push_back(m.read());
    shard_sums.push_back(u.read());
    shard_outputs.push_back(output_sums);
  }
  std::vector<float> maxima = logits, sums = zeros;
  for (const auto& m : shard_maxima) {
    for (int64_t i = 0; i < p.batch; ++i) maxima[i] = std::max(maxima[i], m[i]);
  }
  for (size_t s = 0; s < ranges.size(); ++s) {
    for (int64_t i = 0; i < p.batch; ++i) {
      const float shrink = std::exp(shard_maxima[s][i] - maxima[i]);
      sums[i] += shard_sums[s][i] * shrink;
      for (int64_t x = 0; x < p.dim; ++x) shard_outputs[s][i * p.dim + x] *= shrink;
    }
  }

  std::vector<float> embedding_gradients(n(p.batch * p.dim), 0);
  result.centre_gradients.assign(p.centres.size(), 0);
  for (size_t s = 0; s < ranges.size(); ++s) {
    const auto [first_class, classes] = ranges[s];
    Buffer<float> c(cosines), l(logits), d(slopes[s]), m(maxima), u(sums), o(zeros), g(zeros);
    const SampleState state{c.data(), l.data(), d.data(), m.data(), u.data(), o.data(), g.data()};
    finish_samples(p.batch, state, nullptr);
    if (s == 0) {
      for (float loss : o.read()) result.loss += static_cast<double>(loss) / static_cast<double>(p.batch);
    }
    const float factor = p.scale / static_cast<float>(p.batch);
    Buffer<float> outputs(shard_outputs[s]), gradients(n(p.batch * p.dim));
    kappa::cuda::embedding_gradients(
        outputs.data(), units.data(), inverse.data(), centres.data() + first_class * p.dim, labels.data(),
        p.batch, p.dim, first_class, classes, factor, shards == 1, state, gradients.data(), nullptr);
    const auto part = gradients.read();
    for (size_t i = 0; i < part.size(); ++i) embedding_gradients[i] += part[i];
    for (const Block& b : blocks) {
      if (b.first < first_class || b.first >= first_class + classes) continue;
      Buffer<L> exponentials(b.exponentials);
      Buffer<int64_t> targets(b.targets);
      Buffer<float> block_maxima(b.maxima);
      gradient_block<L>(exponentials.data(), b.stride, p.batch, b.columns, targets.data(),
                        block_maxima.data(), state, nullptr);
      const auto gradient = exponentials.read();
      const auto z = units_l.read();
      std::vector<float> unit_gradients(n(b.columns * p.dim), 0);
      for (int64_t i = 0; i < p.batch; ++i) {
        for (int64_t k = 0; k < b.columns; ++k) {
          const float value = widen(gradient[i * b.stride + k]);
          for (int64_t x = 0; x < p.dim; ++x)
            unit_gradients[k * p.dim + x] += value * widen(z[i * p.dim + x]);
        }
      }
      Buffer<float> by_units(unit_gradients);
      if (step != nullptr) {
        std::vector<float> v(n(b.columns * p.dim), 0.25f);
        Buffer<float> velocity(v);
        std::vector<int64_t> order;
        for (int64_t k = 0; k < b.columns; ++k) order.push_back(k);
        Buffer<int64_t> index(order);
        step_rows(by_units.data(), b.first % 2 == 0 ? index.data() : nullptr, b.columns, p.dim, factor, *step,
                  centres.data() + b.first * p.dim, step->momentum != 0 ? velocity.data() : nullptr, nullptr);
        const auto moved = velocity.read();
        if (velocities != nullptr) velocities->insert(velocities->end(), moved.begin(), moved.end());
      } else {
        Buffer<float> out(n(b.columns * p.dim));
        gradient_rows(by_units.data(), centres.data() + b.first * p.dim, b.columns, p.dim, factor / 2, false,
                      out.data(), nullptr);
        gradient_rows(by_units.data(), centres.data() + b.first * p.dim, b.columns, p.dim, factor / 2, true,
                      out.data(), nullptr);
        const auto values = out.read();
        std::copy(values.begin(), values.end(), result.centre_gradients.begin() + b.first * p.dim);
      }
    }
  }
  if (shards > 1) {
    Buffer<float> gradients(embedding_gradients);
    through_normalization(units.data(), inverse.data(), p.batch, p.dim, gradients.data(), nullptr);
    embedding_gradients = gradients.read();
  }
  result.embedding_gradients.assign(embedding_gradients.begin(), embedding_gradients.end());
  if (step != nullptr) {
    const auto moved = centres.read();
    result.centre_gradients.assign(moved.begin(), moved.end());
  }
  return result;
}

/// Distance of vectors relative to the length of the expected one (at least 1e-3).
inline double distance(const std::vector<double>& actual, const std::vector<double>& expected) {
  double difference = 0, length = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    difference += (actual[i] - expected[i]) * (actual[i] - expected[i]);
    length += expected[i] * expected[i];
  }
  return std::sqrt(difference) / std::max(std::sqrt(length), 1e-3);
}

inline bool all_finite(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}

/// Counts what fails and says it.
struct Report {
  int passed = 0;
  int failed = 0;
  bool quiet = false;
  void check(bool good, const std::string& what) {
    (good ? passed : failed) += 1;
    if (!good && !quiet) std::printf("FAILED  %s\n", what.c_str());
  }
};

template <class L>
struct Precision;
template <>
struct Precision<float> {
  static constexpr const char* name = "float32";
  static constexpr double tolerance = 1e-4;
};
template <>
struct Precision<Half> {
  static constexpr const char* name = "float16";
  static constexpr double tolerance = 2e-2;
};
template <>
struct Precision<BFloat16> {
  static constexpr const char* name = "bfloat16";
  static constexpr double tolerance = 8e-2;
};

template <class L>
void check_against(const HeadResult& actual, const HeadResult& expected, const std::string& what,
                   Report& report) {
  const double tolerance = Precision<L>::tolerance;
  const std::string name = std::string(Precision<L>::name) + ", " + what;
  const double loss = std::fabs(actual.loss - expected.loss) / std::max(1.0, std::fabs(expected.loss));
  const double cosines = distance(actual.target_cosines, expected.target_cosines);
  const double embeddings = distance(actual.embedding_gradients, expected.embedding_gradients);
  const double centres = distance(actual.centre_gradients, expected.centre_gradients);
  report.check(loss < tolerance, name + ": loss off by " + std::to_string(loss));
  report.check(cosines < 1e-4, name + ": target cosines off by " + std::to_string(cosines));
  report.check(embeddings < tolerance,
               name + ": gradient of the embeddings off by " + std::to_string(embeddings));
  report.check(centres < tolerance, name + ": gradient of the centres off by " + std::to_string(centres));
}

template <class L>
void check_precision(Report& report) {
  struct Size {
    int64_t batch, classes, dim;
  };
  for (const Size& size :
       {Size{1, 2, 8}, Size{3, 2, 5}, Size{5, 37, 16}, Size{7, 101, 33}, Size{4, 259, 64}}) {
    const HeadProblem p = make_problem(size.batch, size.classes, size.dim, Content::random);
    const HeadResult expected = plain_head(p);
    const std::string name =
        std::to_string(size.batch) + " x " + std::to_string(size.classes) + " x " + std::to_string(size.dim);
    check_against<L>(kernel_head<L>(p, 1, nullptr, nullptr), expected, name, report);
    if (size.classes > 2)
      check_against<L>(kernel_head<L>(p, 2, nullptr, nullptr), expected, name + ", two shards", report);
  }
  for (MarginKind kind : {MarginKind::angular, MarginKind::cosine, MarginKind::combined}) {
    for (BeyondPi beyond : {BeyondPi::none, BeyondPi::extend}) {
      HeadProblem p = make_problem(6, 50, 24, Content::random, 2);
      p.function = {kind, beyond, 1.2, 0.1};
      p.filter_threshold = 0.25f;
      // A cosine at the threshold falls on either side of it in half precision.
      if constexpr (!std::is_same_v<L, float>) p.filter_threshold = 1;
      check_against<L>(kernel_head<L>(p, 1, nullptr, nullptr), plain_head(p),
                       std::string("margin ") + std::to_string(static_cast<int>(kind)), report);
    }
  }
  for (Content content : {Content::all_equal, Content::aligned, Content::opposite, Content::zero_embeddings,
                          Content::zero_centres}) {
    const HeadProblem p = make_problem(5, 60, 16, content, 3);
    const HeadResult actual = kernel_head<L>(p, 1, nullptr, nullptr);
    const HeadResult expected = plain_head(p);
    const std::string name =
        std::string(Precision<L>::name) + ", extreme content " + std::to_string(static_cast<int>(content));
    report.check(std::isfinite(actual.loss) && all_finite(actual.embedding_gradients) &&
                     all_finite(actual.centre_gradients),
                 name + ": finite");
    const double loss = std::fabs(actual.loss - expected.loss) / std::max(1.0, std::fabs(expected.loss));
    // At a cosine of 1 the last digit of float32 moves the sine by 3e-4, times the scale.
    report.check(loss < std::max(3e-2, Precision<L>::tolerance),
                 name + ": loss off by " + std::to_string(loss));
  }
  // One class: its softmax is 1 and every gradient 0.
  const HeadResult alone = kernel_head<L>(make_problem(3, 1, 8, Content::random), 1, nullptr, nullptr);
  report.check(alone.loss == 0 && distance(alone.centre_gradients, std::vector<double>(8, 0)) == 0,
               "one class");

  const HeadProblem p = make_problem(5, 37, 16, Content::random);
  const HeadResult expected = plain_head(p);
  for (const StepOptions& step : {StepOptions{0.1f, 0, 5e-4f, false}, StepOptions{0.1f, 0.9f, 5e-4f, false},
                                  StepOptions{0.1f, 0.9f, 5e-4f, true}}) {
    std::vector<double> velocities;
    const HeadResult actual = kernel_head<L>(p, 1, &step, &velocities);
    std::vector<double> moves, expected_moves, expected_velocities;
    for (size_t i = 0; i < p.centres.size(); ++i) {
      const double gradient =
          expected.centre_gradients[i] + static_cast<double>(step.weight_decay) * p.centres[i];
      const double speed =
          step.momentum != 0 ? static_cast<double>(step.momentum) * 0.25 + gradient : gradient;
      expected_velocities.push_back(speed);
      expected_moves.push_back(
          static_cast<double>(step.lr) *
          (step.nesterov ? gradient + static_cast<double>(step.momentum) * speed : speed));
      moves.push_back(p.centres[i] - actual.centre_gradients[i]);
    }
    const double moved = distance(moves, expected_moves);
    report.check(
        moved < Precision<L>::tolerance,
        std::string(Precision<L>::name) + ": a step moves the centres, off by " + std::to_string(moved));
    if (step.momentum != 0)
      report.check(distance(velocities, expected_velocities) < Precision<L>::tolerance, "velocities");
  }
}

inline void check_numbers(Report& report) {
  for (float value :
       {0.0f, 1.0f, -2.5f, 65504.0f, 65520.0f, 1e-7f, 6.1e-5f, 5.9604645e-8f, 3.1415927f, -0.333333f}) {
    report.check(std::fabs(widen(narrow<BFloat16>(value)) - value) <= std::fabs(value) / 256,
                 std::string("bfloat16 of ") + std::to_string(value));
    const float half = widen(narrow<Half>(value));
    const bool near = std::fabs(half - value) <= std::max(std::fabs(value) / 2048, 3e-8f);
    report.check(value >= 65520.0f ? std::isinf(half) : near,
                 std::string("float16 of ") + std::to_string(value));
  }
  for (unsigned bits = 0; bits < 0x7c00u; ++bits) {
    const Half half{static_cast<uint16_t>(bits)};
    if (narrow<Half>(widen(half)).bits != bits) {
      report.check(false, std::string("float16 round trip of ") + std::to_string(bits));
      break;
    }
  }
}

/// Images of widths of every remainder, against plain loops.
inline void check_images(Report& report) {
  std::mt19937 generator(3);
  for (const int64_t width : {1, 2, 3, 4, 7, 16, 112}) {
    const int64_t batch = 3, height = 5, length = 3 * width;
    std::vector<uint8_t> bytes(static_cast<size_t>(batch * height * length));
    for (auto& byte : bytes) byte = static_cast<uint8_t>(generator());
    const std::vector<uint8_t> flags = {1, 0, 1};
    std::vector<float> expected;
    for (int64_t y = 0; y < batch * height; ++y) {
      for (int64_t x = 0; x < width; ++x) {
        const int64_t source = flags[y / height] != 0 ? width - 1 - x : x;
        for (int64_t c = 0; c < 3; ++c)
          expected.push_back((static_cast<float>(bytes[y * length + 3 * source + c]) / 255.0f - 0.5f) / 0.5f);
      }
    }
    Buffer<uint8_t> pixels(bytes), flips(flags);
    Buffer<float> out(expected.size());
    normalize_images(pixels.data(), flips.data(), batch, height, width, out.data(), nullptr);
    // Not by +: GCC 12 takes that for an overrun under the sanitizers.
    report.check(out.read() == expected, std::string("images of width ").append(std::to_string(width)));
  }
}

inline Report check_kernels() {
  Report report;
  check_numbers(report);
  check_images(report);
  check_precision<float>(report);
  check_precision<Half>(report);
  check_precision<BFloat16>(report);
  return report;
}

}  // namespace kappa::cuda
