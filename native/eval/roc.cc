#include "eval/roc.h"

#include <ATen/ATen.h>

#include <array>
#include <bit>
#include <cstdint>
#include <limits>
#include <vector>

#include "runtime/error.h"

namespace kappa {
namespace {

using at::Tensor;

/// Keys whose order is the reverse of that of the scores; one for 0 and -0.
uint32_t key_of(float score) {
  const auto bits = std::bit_cast<uint32_t>(score == 0 ? 0.0f : score);
  const uint32_t ascending = (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
  return ~ascending;
}

float score_of(uint32_t key) {
  const uint32_t ascending = ~key;
  return std::bit_cast<float>((ascending & 0x80000000u) != 0 ? ascending & 0x7fffffffu : ~ascending);
}

/// Sorts by eleven bits at a time.
void sort_keys(std::vector<uint32_t>& keys) {
  constexpr int digits = 3;
  constexpr int width = 11;
  constexpr uint32_t values = 1u << width;
  std::vector<std::array<size_t, values>> counts(digits);
  for (const uint32_t key : keys) {
    for (int d = 0; d < digits; ++d) ++counts[static_cast<size_t>(d)][key >> (width * d) & (values - 1)];
  }
  std::vector<uint32_t> other(keys.size());
  for (int d = 0; d < digits; ++d) {
    auto& count = counts[static_cast<size_t>(d)];
    size_t before = 0;
    for (size_t& place : count) {
      const size_t here = place;
      place = before;
      before += here;
    }
    for (const uint32_t key : keys) other[count[key >> (width * d) & (values - 1)]++] = key;
    keys.swap(other);
  }
}

struct Point {
  int64_t impostors, genuine;
  float threshold;
};

Tensor column(const std::vector<Point>& points, int64_t Point::*field) {
  Tensor values = at::empty({static_cast<int64_t>(points.size())}, at::kDouble);
  auto* out = values.mutable_data_ptr<double>();
  for (const Point& point : points) *out++ = static_cast<double>(point.*field);
  return values;
}

}  // namespace

RocPoints roc_points(const Tensor& scores_P, const Tensor& is_genuine_P, bool drops_intermediate) {
  require(scores_P.is_cpu() && is_genuine_P.is_cpu(), "ERR_DEVICE", "Expected scores on the CPU.");
  require(scores_P.dim() == 1 && is_genuine_P.sizes() == scores_P.sizes(), "ERR_SHAPE",
          "Expected as many answers as scores, ", scores_P.sizes(), ", but received ", is_genuine_P.sizes(),
          ".");
  require(scores_P.scalar_type() == at::kFloat, "ERR_DTYPE", "Expected scores in float32.");
  const auto type = is_genuine_P.scalar_type();
  require(type == at::kByte || type == at::kBool, "ERR_DTYPE", "Expected answers in uint8 or bool.");
  const Tensor scores = scores_P.contiguous();
  const Tensor answers = is_genuine_P.to(at::kByte).contiguous();
  const auto* score = scores.const_data_ptr<float>();
  const auto* answer = answers.const_data_ptr<uint8_t>();
  std::array<std::vector<uint32_t>, 2> keys;
  keys[0].reserve(static_cast<size_t>(scores.numel()));
  for (int64_t p = 0; p < scores.numel(); ++p) {
    require(score[p] - score[p] == 0, "ERR_NOT_FINITE", "The score of pair ", p, " is not finite.");
    keys[answer[p] != 0 ? 1 : 0].push_back(key_of(score[p]));
  }
  auto& [impostors, genuine] = keys;
  require(!impostors.empty() && !genuine.empty(), "ERR_ARGUMENT",
          "Expected pairs of one person and pairs of two, but received ", genuine.size(), " and ",
          impostors.size(), ".");
  sort_keys(impostors);
  sort_keys(genuine);

  std::vector<Point> points{{0, 0, std::numeric_limits<float>::infinity()}};
  // A point is kept where the step that leads to it and the one after it differ; the first and the last
  // always are.
  Point last{0, 0, 0}, before{0, 0, 0};
  int64_t distinct = 0;
  size_t i = 0, g = 0;
  const auto visit = [&](const Point& point) {
    ++distinct;
    if (distinct > 1) {
      const bool is_first = distinct == 2;
      const bool goes_on = point.impostors - last.impostors == last.impostors - before.impostors &&
                           point.genuine - last.genuine == last.genuine - before.genuine;
      if (!drops_intermediate || is_first || !goes_on) points.push_back(last);
    }
    before = last;
    last = point;
  };
  while (i < impostors.size() || g < genuine.size()) {
    const uint32_t key = g == genuine.size() || (i < impostors.size() && impostors[i] < genuine[g])
                             ? impostors[i]
                             : genuine[g];
    while (i < impostors.size() && impostors[i] == key) ++i;
    while (g < genuine.size() && genuine[g] == key) ++g;
    visit({static_cast<int64_t>(i), static_cast<int64_t>(g), score_of(key)});
  }
  points.push_back(last);

  RocPoints result{column(points, &Point::impostors), column(points, &Point::genuine),
                   at::empty({static_cast<int64_t>(points.size())}, at::kFloat),
                   static_cast<int64_t>(impostors.size()), static_cast<int64_t>(genuine.size())};
  auto* threshold = result.thresholds.mutable_data_ptr<float>();
  for (const Point& point : points) *threshold++ = point.threshold;
  return result;
}

}  // namespace kappa
