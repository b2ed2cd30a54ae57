#include "eval/top_rows.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "eval/dot.h"
#include "eval/indices.h"
#include "eval/score_tiles.h"
#include "runtime/cpu_clones.h"
#include "runtime/error.h"

namespace kappa {
namespace {

using at::Tensor;

constexpr float infinity = std::numeric_limits<float>::infinity();

/// Keeps the best rows of queries. Those of a query are one thread's.
class Keeper : public ScoreTiles::Visitor {
 public:
  Keeper(const float* queries, const float* rows, int64_t dim, int32_t first, TopRows& top)
      : queries_(queries),
        rows_(rows),
        dim_(dim),
        first_(first),
        count_(top.scores_QK.size(1)),
        scores_(top.scores_QK.mutable_data_ptr<float>()),
        indices_(top.indices_QK.mutable_data_ptr<int32_t>()) {}

  void visit(const ScoreTile& tile) override {
    for (int64_t r = 0; r < tile.rows; ++r) {
      const float* scores = tile.scores + r * tile_queries;
      for (int64_t q = 0; q < tile.queries; ++q) {
        // Rows come in their order: an equal score comes too late.
        const float least = scores_[(tile.first_query + q + 1) * count_ - 1];
        // Not <: where numbers are too large for float32, the bound is no number.
        if (!(scores[q] + tile.slack[q] <= least)) offer(tile.first_query + q, tile.first_row + r);
      }
    }
  }

 private:
  void offer(int64_t query, int64_t row) {
    const float* a = queries_ + query * dim_;
    const float* b = rows_ + row * dim_;
    const int64_t dim = dim_;
    float score = 0;
    float* out = &score;
    KAPPA_CLONE(*out = dot(a, b, dim));
    float* scores = scores_ + query * count_;
    int32_t* indices = indices_ + query * count_;
    if (!(score > scores[count_ - 1])) return;
    // Behind the equal ones.
    const int64_t place =
        std::upper_bound(scores, scores + count_, score, [](float x, float y) { return x > y; }) - scores;
    std::copy_backward(scores + place, scores + count_ - 1, scores + count_);
    std::copy_backward(indices + place, indices + count_ - 1, indices + count_);
    scores[place] = score;
    indices[place] = static_cast<int32_t>(first_ + row);
  }

  const float* queries_;
  const float* rows_;
  int64_t dim_;
  int32_t first_;
  int64_t count_;
  float* scores_;
  int32_t* indices_;
};

}  // namespace

TopRows top_rows(const Tensor& queries_QD, const Tensor& rows_ND, const TopOptions& options,
                 const std::optional<BestSoFar>& before) {
  const Tensor rows = checked_rows(rows_ND, "rows");
  ScoreTiles tiles(queries_QD, options.bfloat16);
  const int64_t queries = tiles.queries().size(0);
  const int64_t dim = tiles.queries().size(1);
  const int64_t last = options.first + rows.size(0);
  require(rows.size(1) == dim, "ERR_SHAPE", "Expected rows of dimension ", dim,
          " as the queries have but received ", rows.size(1), ".");
  require(options.count >= 1 && options.first >= 0 && last <= std::numeric_limits<int32_t>::max(),
          "ERR_ARGUMENT", "Expected a number of rows to keep from 1, and row numbers below 2^31.");
  TopRows top{at::full({queries, options.count}, -infinity, at::kFloat),
              at::full({queries, options.count}, -1, at::kInt)};
  if (before) {
    require(before->scores_QK.sizes() == top.scores_QK.sizes() &&
                before->indices_QK.sizes() == top.indices_QK.sizes(),
            "ERR_SHAPE", "Expected earlier results ", top.scores_QK.sizes(), " but received ",
            before->scores_QK.sizes(), ".");
    top = {before->scores_QK.to(at::kFloat).clone(), before->indices_QK.to(at::kInt).clone()};
  }
  const auto* values = rows.const_data_ptr<float>();
  const auto* query_values = tiles.queries().const_data_ptr<float>();
  for (int64_t from = 0; from < rows.size(0); from += ScoreTiles::block_rows) {
    const float* block = values + from * dim;
    const int64_t first = options.first + from;
    tiles.walk(block, std::min(ScoreTiles::block_rows, rows.size(0) - from), first, [&] {
      return std::make_unique<Keeper>(query_values, block, dim, static_cast<int32_t>(first), top);
    });
  }
  return top;
}

}  // namespace kappa
