#include "eval/score_tiles.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#include "eval/indices.h"
#include "kernels/cpu/products.h"
#include "runtime/cpu_clones.h"
#include "runtime/error.h"
#include "runtime/parallel.h"

namespace kappa {
namespace {

using at::BFloat16;

constexpr int64_t rows_grain = 32;

/// Lengths that are computed are off by less.
constexpr double length_excess = 1 + 1e-9;

KAPPA_INLINE void round_to(float value, float* rounded) { *rounded = value; }
KAPPA_INLINE void round_to(float value, BFloat16* rounded) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  rounded->x = static_cast<uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

KAPPA_INLINE float widened(float value) { return value; }
KAPPA_INLINE float widened(BFloat16 value) {
  const uint32_t bits = static_cast<uint32_t>(value.x) << 16;
  float wide;
  std::memcpy(&wide, &bits, sizeof wide);
  return wide;
}

struct Squares {
  double plain = 0;
  double rounded = 0;
  double residual = 0;
};

template <class T>
KAPPA_INLINE void round_row(const float* row, int64_t dim, T* out, Squares* squares) {
  constexpr int64_t lanes = 16;
  double plain[lanes] = {};
  double rounded[lanes] = {};
  double residual[lanes] = {};
  for (int64_t d = 0; d < dim; d += lanes) {
    const int64_t count = std::min(lanes, dim - d);
    for (int64_t j = 0; j < count; ++j) {
      round_to(row[d + j], out + d + j);
      const double x = row[d + j];
      const double y = widened(out[d + j]);
      plain[j] += x * x;
      rounded[j] += y * y;
      residual[j] += (x - y) * (x - y);
    }
  }
  Squares sums;
  for (int64_t j = 0; j < lanes; ++j) {
    sums.plain += plain[j];
    sums.rounded += rounded[j];
    sums.residual += residual[j];
  }
  *squares = sums;
}

/// Where element (k, j) of a panel lies.
template <class T>
int64_t place(int64_t k, int64_t j) {
  if constexpr (std::is_same_v<T, float>) {
    return k * tile_queries + j;
  } else {
    return ((k / 2) * tile_queries + j) * 2 + k % 2;
  }
}

void product(int64_t rows, int64_t dim, const float* a, const float* b, float* c) {
  block_product(rows, tile_queries, dim, a, dim, b, tile_queries, c, tile_queries, false);
}
void product(int64_t rows, int64_t dim, const BFloat16* a, const BFloat16* b, float* c) {
  block_product(rows, tile_queries, dim, a, dim, b, c, tile_queries, false);
}

}  // namespace

ScoreTiles::ScoreTiles(const at::Tensor& queries_QD, bool bfloat16)
    : queries_QD_(checked_rows(queries_QD, "queries")),
      dim_(queries_QD_.size(1)),
      padded_((dim_ + 1) / 2 * 2),
      bfloat16_(bfloat16) {
  if (bfloat16_) {
    pack_queries(half_panels_);
  } else {
    pack_queries(panels_);
  }
}

template <class T>
ScoreTiles::Lengths ScoreTiles::measure(const float* row, T* rounded) const {
  Squares squares;
  Squares* sums = &squares;
  const int64_t dim = dim_;
  KAPPA_CLONE(round_row(row, dim, rounded, sums));
  std::fill(rounded + dim_, rounded + padded_, T(0));
  return {std::sqrt(std::max(squares.plain, squares.rounded)) * length_excess,
          std::sqrt(squares.residual) * length_excess};
}

template <class T>
void ScoreTiles::pack_queries(std::vector<T>& packed) {
  const int64_t count = queries_QD_.size(0);
  const int64_t panels = at::divup(count, tile_queries);
  const auto* queries = queries_QD_.const_data_ptr<float>();
  packed.assign(static_cast<size_t>(panels * padded_ * tile_queries), T(0));
  lengths_Q_.resize(static_cast<size_t>(count));
  std::vector<T> rounded(static_cast<size_t>(padded_));
  for (int64_t q = 0; q < count; ++q) {
    const Lengths lengths = measure(queries + q * dim_, rounded.data());
    require(std::isfinite(lengths.whole), "ERR_NOT_FINITE", "Query ", q, " has numbers that are not finite.");
    lengths_Q_[static_cast<size_t>(q)] = lengths;
    T* panel = packed.data() + q / tile_queries * padded_ * tile_queries;
    for (int64_t k = 0; k < dim_; ++k) panel[place<T>(k, q % tile_queries)] = rounded[static_cast<size_t>(k)];
  }
}

void ScoreTiles::walk(const float* rows, int64_t count, int64_t first, const MakeVisitor& make_visitor) {
  for (int64_t from = 0; from < count; from += block_rows) {
    const Block block{rows + from * dim_, std::min(block_rows, count - from), first + from};
    if (bfloat16_) {
      walk_block(block, half_panels_, half_rows_, make_visitor);
    } else {
      walk_block(block, panels_, rows_, make_visitor);
    }
  }
}

template <class T>
void ScoreTiles::walk_block(const Block& block, const std::vector<T>& queries, std::vector<T>& rounded,
                            const MakeVisitor& make_visitor) {
  const int64_t row_tiles = at::divup(block.count, tile_rows);
  rounded.resize(static_cast<size_t>(block_rows * padded_));
  std::vector<Lengths> lengths(static_cast<size_t>(block.count));
  parallel_for(0, block.count, rows_grain, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      lengths[static_cast<size_t>(r)] = measure(block.rows + r * dim_, rounded.data() + r * padded_);
  });
  std::vector<Lengths> longest(static_cast<size_t>(row_tiles));
  for (int64_t r = 0; r < block.count; ++r) {
    const Lengths& own = lengths[static_cast<size_t>(r)];
    require(std::isfinite(own.whole), "ERR_NOT_FINITE", "Row ", block.first + r,
            " has numbers that are not finite.");
    Lengths& most = longest[static_cast<size_t>(r / tile_rows)];
    most = {std::max(most.whole, own.whole), std::max(most.residual, own.residual)};
  }
  const int64_t count = queries_QD_.size(0);
  parallel_for(0, at::divup(count, tile_queries), 1, [&](int64_t begin, int64_t end) {
    std::vector<float> scores(tile_rows * tile_queries);
    std::vector<float> slack(tile_queries);
    const auto visitor = make_visitor();
    for (int64_t panel = begin; panel < end; ++panel) {
      const int64_t query = panel * tile_queries;
      const int64_t num_queries = std::min(tile_queries, count - query);
      for (int64_t tile = 0; tile < row_tiles; ++tile) {
        const int64_t row = tile * tile_rows;
        const int64_t num_rows = std::min(tile_rows, block.count - row);
        product(num_rows, padded_, rounded.data() + row * padded_, queries.data() + query * padded_,
                scores.data());
        set_slack(query, num_queries, longest[static_cast<size_t>(tile)], slack.data());
        visitor->visit({query, num_queries, row, num_rows, scores.data(), slack.data()});
      }
    }
    visitor->finish();
    finish_block_products();
  });
}

void ScoreTiles::set_slack(int64_t query, int64_t count, const Lengths& rows, float* slack) const {
  const auto dim = static_cast<double>(dim_);
  const double rounding = std::ldexp(dim + dim / 64 + 16, -23);
  const double lost = std::ldexp(dim, -125);
  for (int64_t q = 0; q < count; ++q) {
    const Lengths& own = lengths_Q_[static_cast<size_t>(query + q)];
    const double bound = own.residual * rows.whole + own.whole * rows.residual +
                         rounding * own.whole * rows.whole + lost * (1 + own.whole + rows.whole);
    // Rounded up.
    slack[q] = static_cast<float>(bound * (1 + std::ldexp(1.0, -20)));
  }
}

}  // namespace kappa
