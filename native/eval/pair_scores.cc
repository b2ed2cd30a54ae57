#include "eval/pair_scores.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "eval/dot.h"
#include "eval/indices.h"
#include "runtime/parallel.h"

namespace kappa {
namespace {

using at::Tensor;

constexpr int64_t grain = 4096;

/// Bytes of rows that stay in the cache of a processor: those of the first rows of a tile's pairs, while the
/// second rows, which are fewer, change from tile to tile.
constexpr int64_t first_bytes = int64_t{1} << 19;
constexpr int64_t second_bytes = int64_t{1} << 17;

/// Fewer pairs for each row are not worth sorting.
constexpr int64_t least_reuse = 8;

/// Counters of tiles, at most: they have to stay in the cache themselves.
constexpr int64_t most_tiles = int64_t{1} << 18;

struct Pair {
  int32_t first;
  int32_t second;
  int32_t place;
};

KAPPA_INLINE void score(const float* rows, int64_t dim, const int32_t* first, const int32_t* second,
                        int64_t begin, int64_t end, float* scores) {
  for (int64_t p = begin; p < end; ++p) scores[p] = dot(rows + first[p] * dim, rows + second[p] * dim, dim);
}

KAPPA_INLINE void score_sorted(const float* rows, int64_t dim, const Pair* pairs, int64_t begin, int64_t end,
                               float* scores) {
  for (int64_t p = begin; p < end; ++p) {
    scores[pairs[p].place] = dot(rows + pairs[p].first * dim, rows + pairs[p].second * dim, dim);
  }
}

/// How many times two divides a tile of rows, at least once.
int shift_for(int64_t bytes, int64_t dim) {
  int shift = 0;
  while ((int64_t{2} << shift) * dim * static_cast<int64_t>(sizeof(float)) <= bytes) ++shift;
  return shift;
}

/// The pairs, those of neighbouring rows together: most rows are in the cache then, whatever the order of the
/// pairs.
std::vector<Pair> by_tiles(const int32_t* first, const int32_t* second, int64_t count, int64_t rows,
                           int64_t dim) {
  const int first_shift = shift_for(first_bytes, dim);
  int second_shift = shift_for(second_bytes, dim);
  const int64_t across = ((rows - 1) >> first_shift) + 1;
  while (across * (((rows - 1) >> second_shift) + 1) > most_tiles) ++second_shift;
  const int64_t along = ((rows - 1) >> second_shift) + 1;
  const auto tile_of = [&](int64_t p) {
    return static_cast<size_t>((first[p] >> first_shift) * along + (second[p] >> second_shift));
  };
  std::vector<int64_t> next(static_cast<size_t>(across * along) + 1);
  for (int64_t p = 0; p < count; ++p) ++next[tile_of(p) + 1];
  for (size_t t = 1; t < next.size(); ++t) next[t] += next[t - 1];
  std::vector<Pair> pairs(static_cast<size_t>(count));
  for (int64_t p = 0; p < count; ++p)
    pairs[static_cast<size_t>(next[tile_of(p)]++)] = {first[p], second[p], static_cast<int32_t>(p)};
  return pairs;
}

}  // namespace

Tensor pair_scores(const Tensor& rows_ND, const Tensor& first_P, const Tensor& second_P) {
  const Tensor rows = checked_rows(rows_ND, "rows");
  const Tensor first = checked_indices(first_P, -1, rows.size(0), "rows of pairs");
  const Tensor second = checked_indices(second_P, first.size(0), rows.size(0), "rows of pairs");
  const int64_t count = first.size(0);
  const int64_t dim = rows.size(1);
  Tensor scores = at::empty({count}, rows.options());
  const auto* values = rows.const_data_ptr<float>();
  const auto* a = first.const_data_ptr<int32_t>();
  const auto* b = second.const_data_ptr<int32_t>();
  auto* out = scores.mutable_data_ptr<float>();
  const bool is_large = rows.numel() * static_cast<int64_t>(sizeof(float)) > 2 * first_bytes &&
                        count / rows.size(0) >= least_reuse && count <= std::numeric_limits<int32_t>::max();
  if (!is_large) {
    parallel_for(0, count, grain,
                 [&](int64_t begin, int64_t end) { KAPPA_CLONE(score(values, dim, a, b, begin, end, out)); });
    return scores;
  }
  const std::vector<Pair> sorted = by_tiles(a, b, count, rows.size(0), dim);
  const Pair* pairs = sorted.data();
  parallel_for(0, count, grain, [&](int64_t begin, int64_t end) {
    KAPPA_CLONE(score_sorted(values, dim, pairs, begin, end, out));
  });
  return scores;
}

}  // namespace kappa
