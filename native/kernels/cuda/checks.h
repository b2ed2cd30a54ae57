// What the kernels must do, against plain loops in double: one list of checks for the CPU (in the tests, with
// cuda_on_cpu.h) and for a real GPU (gpu_check.cu). No torch, no Node.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "kernels/cuda/check_tools.h"
#include "kernels/cuda/head.h"
#include "kernels/cuda/images.h"
#include "kernels/cuda/norm_checks.h"
#include "kernels/cuda/plain_head.h"

namespace kappa::cuda {

/// What stands between the kernels: cuBLAS in the product, plain loops here. c (m, n) += factor a (m, k) b
/// (k, n), both by functions of row and column.
template <class A, class B>
void add_product(int64_t m, int64_t n, int64_t k, const A& a, const B& b, std::vector<float>& c,
                 int64_t stride) {
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      float sum = 0;
      for (int64_t x = 0; x < k; ++x) sum += a(i, x) * b(x, j);
      c[static_cast<size_t>(i * stride + j)] += sum;
    }
  }
}

/// The numbers of the samples where kernels can reach them.
struct SampleBuffers {
  explicit SampleBuffers(int64_t batch)
      : cosines(count(batch)),
        references(count(batch)),
        logits(count(batch)),
        derivatives(count(batch)),
        sums(count(batch)),
        losses(count(batch)),
        target_gradients(count(batch)),
        rows(count(batch)),
        samples{batch,       cosines.data(), references.data(),       logits.data(), derivatives.data(),
                sums.data(), losses.data(),  target_gradients.data(), rows.data()} {}
  static size_t count(int64_t batch) { return static_cast<size_t>(batch); }
  Buffer<float> cosines, references;
  Buffer<double> logits, derivatives, sums, losses, target_gradients;
  Buffer<int64_t> rows;
  Samples<float> samples;
};

/// The head by the kernels: forward over blocks of classes, gradients, and (with `step`) moved centres.
/// @param shards the classes are cut in so many parts, each with a walk of its own
/// @param loss_scale a factor that gradients carry until the end, as loss scaling does
template <class L>
HeadResult kernel_head(const HeadProblem& p, int shards, const RowStep<float>* step,
                       std::vector<double>* velocities, float loss_scale = 1) {
  constexpr bool scaled = std::is_same_v<L, Half>;
  const auto n = [](int64_t count) { return static_cast<size_t>(count); };
  const auto padded = [](int64_t columns) { return (columns + 7) / 8 * 8; };
  const SampleKernels<float>& kernels = sample_kernels();
  HeadResult result;
  Buffer<float> embeddings(p.embeddings), centres(p.centres), margins(p.margins);
  Buffer<int64_t> labels(p.labels);
  Buffer<float> units(n(p.batch * p.dim)), inverse(n(p.batch));
  Buffer<L> narrow_units(n(p.batch * p.dim));
  kernels.normalize(embeddings.data(), p.batch, p.dim, units.data(), inverse.data(), nullptr);
  weigh_units<L>(units.data(), nullptr, p.batch, p.dim, narrow_units.data(), nullptr);
  const std::vector<L> z = narrow_units.read();
  const auto unit_at = [&](int64_t i, int64_t d) { return widen(z[n(i * p.dim + d)]); };

  struct Block {
    int64_t first, columns, stride;
    std::vector<float> shifts;
    std::vector<L> exponentials, units;
  };
  struct Shard {
    int64_t first, classes;
    std::vector<double> sums;
    std::vector<float> outputs;
    std::vector<Block> blocks;
    std::unique_ptr<SampleBuffers> samples;
  };
  std::vector<Shard> parts(n(shards));
  std::vector<double> logits(n(p.batch), 0);
  const auto targets_of = [&](const Shard& shard) {
    return TargetClasses<float>{
        labels.data(), centres.data() + shard.first * p.dim, shard.first, shard.classes, p.classes,
        p.dim,         margins.data() + shard.first,         false,       nullptr,       0};
  };
  result.target_cosines.assign(n(p.batch), 0);
  for (int s = 0; s < shards; ++s) {
    Shard& shard = parts[n(s)];
    shard.first = p.classes * s / shards;
    shard.classes = p.classes * (s + 1) / shards - shard.first;
    shard.samples = std::make_unique<SampleBuffers>(p.batch);
    kernels.find_targets(units.data(), targets_of(shard), p.scale, p.function, shard.samples->samples,
                         nullptr);
    const auto found = shard.samples->logits.read();
    const auto cosines = shard.samples->cosines.read();
    for (int64_t i = 0; i < p.batch; ++i) {
      logits[n(i)] += found[n(i)];
      result.target_cosines[n(i)] += cosines[n(i)];
    }
  }

  std::vector<double> sums(n(p.batch), 0);
  for (Shard& shard : parts) {
    shard.samples->logits.write(logits);
    kernels.refer(shard.samples->samples, nullptr);
    shard.outputs.assign(n(p.batch * p.dim), 0);
    const float* references = shard.samples->references.data();
    Buffer<int64_t>& targets = shard.samples->rows;
    std::vector<float> chunk_sums, all_shifts;
    int64_t chunks_per_block = 1;
    for (int64_t first = 0; first < shard.classes; first += p.block) {
      Block b{first, std::min(p.block, shard.classes - first), 0, {}, {}, {}};
      b.stride = padded(b.columns);
      Buffer<L> block_units(n(b.columns * p.dim));
      unit_rows<L>(centres.data() + (shard.first + first) * p.dim, nullptr, b.columns, p.dim,
                   block_units.data(), nullptr);
      b.units = block_units.read();
      // Beyond the columns: nothing may come of it.
      std::vector<float> products(n(p.batch * b.stride), NAN);
      for (int64_t i = 0; i < p.batch; ++i) std::fill_n(products.begin() + i * b.stride, b.columns, 0.0f);
      add_product(
          p.batch, b.columns, p.dim, unit_at,
          [&](int64_t d, int64_t c) { return widen(b.units[n(c * p.dim + d)]); }, products, b.stride);
      Buffer<float> cosines(products);
      const LogitBlock block{cosines.data(), b.stride, p.batch, b.columns,
                             targets.data(), first,    p.scale, p.filter_threshold};
      const int64_t chunks = chunks_of(b.columns);
      if (first == 0) chunks_per_block = chunks;
      Buffer<float> shifts(shard.samples->references.read()), found(n(chunks * p.batch)),
          part(n(chunks * p.batch));
      if constexpr (scaled) {
        chunk_maxima(block, found.data(), nullptr);
        half_shifts(found.data(), chunks, p.batch, shifts.data(), nullptr);
      }
      Buffer<L> values(n(p.batch * b.stride));
      exponentials<L>(block, shifts.data(), values.data(), b.stride, part.data(), nullptr);
      b.exponentials = values.read();
      b.shifts = shifts.read();
      const auto found_sums = part.read();
      chunk_sums.insert(chunk_sums.end(), found_sums.begin(), found_sums.end());
      all_shifts.insert(all_shifts.end(), b.shifts.begin(), b.shifts.end());
      std::vector<float> outputs(n(p.batch * p.dim), 0);
      add_product(
          p.batch, p.dim, b.columns,
          [&](int64_t i, int64_t c) { return widen(b.exponentials[n(i * b.stride + c)]); },
          [&](int64_t c, int64_t d) { return widen(b.units[n(c * p.dim + d)]); }, outputs, p.dim);
      Buffer<float> output_part(outputs), output_sum(shard.outputs);
      add_rows(output_part.data(), shifts.data(), references, p.batch, p.dim, output_sum.data(), nullptr);
      shard.outputs = output_sum.read();
      shard.blocks.push_back(std::move(b));
    }
    Buffer<float> parts_of_sum(chunk_sums), shifts(all_shifts);
    sum_chunks(parts_of_sum.data(), static_cast<int64_t>(chunk_sums.size()) / p.batch, chunks_per_block,
               p.batch, scaled ? shifts.data() : nullptr, references, shard.samples->sums.data(), nullptr);
    shard.sums = shard.samples->sums.read();
    for (int64_t i = 0; i < p.batch; ++i) sums[n(i)] += shard.sums[n(i)];
  }

  const double factor = static_cast<double>(p.scale) / static_cast<double>(p.batch);
  std::vector<float> embedding_gradients(n(p.batch * p.dim), 0);
  result.centre_gradients.assign(p.centres.size(), 0);
  const std::vector<float> centres_before = centres.read();
  for (Shard& shard : parts) {
    SampleBuffers& samples = *shard.samples;
    samples.sums.write(sums);
    kernels.finish(samples.samples, nullptr);
    if (&shard == &parts.front()) {
      for (double loss : samples.losses.read()) result.loss += loss / static_cast<double>(p.batch);
    }
    Buffer<float> outputs(shard.outputs), gradients(n(p.batch * p.dim));
    kernels.unit_gradients(outputs.data(), targets_of(shard), samples.samples, factor, gradients.data(),
                           nullptr);
    const auto part = gradients.read();
    for (size_t i = 0; i < part.size(); ++i) embedding_gradients[i] += part[i];

    std::vector<double> shares;
    for (double sum : samples.sums.read()) shares.push_back(1 / sum);
    Buffer<double> share_buffer(shares);
    Buffer<L> weighted(n(p.batch * p.dim));
    weigh_units<L>(units.data(), scaled ? nullptr : share_buffer.data(), p.batch, p.dim, weighted.data(),
                   nullptr);
    const auto right = weighted.read();
    Buffer<int64_t>& targets = samples.rows;
    Buffer<float> device_factor(std::vector<float>(1, loss_scale));
    for (const Block& b : shard.blocks) {
      std::vector<L> left = b.exponentials;
      if constexpr (scaled) {
        Buffer<L> from(b.exponentials), to(n(p.batch * b.stride));
        Buffer<float> shifts(b.shifts);
        halves_to_probabilities(from.data(), b.stride, p.batch, b.columns, shifts.data(),
                                samples.references.data(), share_buffer.data(), to.data(), b.stride, nullptr);
        left = to.read();
      }
      std::vector<float> by_units(n(b.columns * p.dim), 0);
      const float top = scaled ? half_top : 1.0f;
      add_product(
          b.columns, p.dim, p.batch, [&](int64_t c, int64_t i) { return widen(left[n(i * b.stride + c)]); },
          [&](int64_t i, int64_t d) { return widen(right[n(i * p.dim + d)]); }, by_units, p.dim);
      Buffer<float> unit_gradients(by_units), sum(n(b.columns * p.dim));
      add_targets(units.data(), targets.data(), b.first, b.columns, samples.target_gradients.data(), top,
                  p.batch, p.dim, unit_gradients.data(), nullptr);
      // Half at once and half added; the loss scale comes from above and goes by the factor.
      const Factor half{0.5f, device_factor.data()},
          rest{static_cast<float>(factor) / top / loss_scale, nullptr};
      add_scaled(unit_gradients.data(), b.columns * p.dim, half, false, sum.data(), nullptr);
      add_scaled(unit_gradients.data(), b.columns * p.dim, half, true, sum.data(), nullptr);
      float* own = centres.data() + (shard.first + b.first) * p.dim;
      std::vector<int64_t> order;
      for (int64_t k = 0; k < b.columns; ++k) order.push_back(k);
      Buffer<int64_t> index(order);
      const int64_t* rows_of_block = b.first % 2 == 0 ? index.data() : nullptr;
      if (step != nullptr) {
        Buffer<float> velocity(std::vector<float>(n(b.columns * p.dim), 0.25f));
        Buffer<L> moved_units(n(b.columns * p.dim)), expected_units(n(b.columns * p.dim));
        Buffer<float> found(std::vector<float>(1, 1.0f)), fine(std::vector<float>(1, 0.0f));
        float* v = step->momentum != 0 ? velocity.data() : nullptr;
        // Left out first: nothing may come of it.
        step_rows<L>(sum.data(), rows_of_block, b.columns, p.dim, rest, *step, found.data(), own, v,
                     moved_units.data(), nullptr);
        step_rows<L>(sum.data(), rows_of_block, b.columns, p.dim, rest, *step, fine.data(), own, v,
                     moved_units.data(), nullptr);
        unit_rows<L>(own, nullptr, b.columns, p.dim, expected_units.data(), nullptr);
        result.moved_units_differ |= !same_bits(moved_units.read(), expected_units.read());
        const auto moved = velocity.read();
        if (velocities != nullptr) velocities->insert(velocities->end(), moved.begin(), moved.end());
      } else {
        Buffer<float> out(n(b.columns * p.dim));
        gradient_rows(sum.data(), rows_of_block, own, b.columns, p.dim, rest, out.data(), nullptr);
        const auto found = out.read();
        std::copy(found.begin(), found.end(),
                  result.centre_gradients.begin() + (shard.first + b.first) * p.dim);
      }
    }
  }
  Buffer<float> gradients(embedding_gradients);
  kernels.through_normalization(units.data(), inverse.data(), p.batch, p.dim, gradients.data(), nullptr);
  const auto through = gradients.read();
  result.embedding_gradients.assign(through.begin(), through.end());
  if (step != nullptr) {
    const auto moved = centres.read();
    result.centre_gradients.assign(moved.begin(), moved.end());
  }
  return result;
}

/// Distance of vectors relative to the length of the expected one (at least 1e-3).
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
      // A cosine at the threshold falls on either side of it where units are rounded.
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
  // A loss scale of any size changes nothing but the last digits: it never enters a narrow operand.
  const HeadProblem scaled = make_problem(5, 37, 16, Content::random, 6);
  const HeadResult plain = kernel_head<L>(scaled, 1, nullptr, nullptr);
  for (const float loss_scale : {2097152.0f, 16777216.0f}) {
    const HeadResult actual = kernel_head<L>(scaled, 1, nullptr, nullptr, loss_scale);
    report.check(distance(actual.centre_gradients, plain.centre_gradients) < 1e-6,
                 std::string(Precision<L>::name) + ": a loss scale of " + std::to_string(loss_scale));
  }
  // One class: its softmax is 1 and every gradient 0.
  const HeadResult alone = kernel_head<L>(make_problem(3, 1, 8, Content::random), 1, nullptr, nullptr);
  report.check(alone.loss == 0 && distance(alone.centre_gradients, std::vector<double>(8, 0)) == 0,
               "one class");

  const HeadProblem p = make_problem(5, 37, 16, Content::random);
  const HeadResult expected = plain_head(p);
  for (const RowStep<float>& step :
       {RowStep<float>{0.1f, 0, 5e-4f, false}, RowStep<float>{0.1f, 0.9f, 5e-4f, false},
        RowStep<float>{0.1f, 0.9f, 5e-4f, true}}) {
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
    report.check(!actual.moved_units_differ,
                 std::string(Precision<L>::name) + ": a step leaves the units of what it moved");
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
  check_norms(report);
  check_precision<float>(report);
  check_precision<Half>(report);
  check_precision<BFloat16>(report);
  return report;
}

}  // namespace kappa::cuda
