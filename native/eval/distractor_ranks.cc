#include "eval/distractor_ranks.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>

#include "eval/dot.h"
#include "eval/indices.h"
#include "eval/unit_rows.h"
#include "runtime/cpu_clones.h"
#include "runtime/error.h"
#include "runtime/parallel.h"

namespace kappa {

using at::Tensor;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

/// Sampled rows that are scored together, so that they stay in the fastest cache.
constexpr int64_t sample_tile = 8;

/// Up to so many edges are counted one by one, without a branch.
constexpr int64_t few_edges = 64;

KAPPA_INLINE int64_t edges_below(const float* edges, int64_t count, float score) {
  if (count > few_edges) return std::lower_bound(edges, edges + count, score) - edges;
  int32_t below = 0;
  for (int64_t i = 0; i < count; ++i) below += edges[i] < score ? 1 : 0;
  return below;
}

/// What scores of a tile have to reach to be looked at: an edge of the query, or the floor of the row's sets.
struct Limits {
  float edges[tile_queries];  // the least, less the slack
  float slack[tile_queries];  // NaN where there is no query
  float floors[tile_rows];
};

KAPPA_INLINE bool reaches(float score, const Limits& limits, int64_t row, int64_t query) {
  return (score >= limits.edges[query]) | (score + limits.slack[query] >= limits.floors[row]);
}

KAPPA_INLINE void find_rows_that_reach(const ScoreTile& tile, const Limits& limits, bool* found) {
  for (int64_t r = 0; r < tile.rows; ++r) {
    const float* scores = tile.scores + r * tile_queries;
    int32_t any = 0;
    for (int64_t q = 0; q < tile_queries; ++q) any |= reaches(scores[q], limits, r, q) ? 1 : 0;
    found[r] = any != 0;
  }
}

struct Candidate {
  ScoreOf score;
  uint8_t sets;
};

Tensor checked_bits(const Tensor& bits, int64_t size, const char* what) {
  require(bits.is_cpu(), "ERR_DEVICE", "Expected ", what, " on the CPU.");
  require(bits.scalar_type() == at::kByte, "ERR_DTYPE", "Expected ", what, " in uint8.");
  require(bits.dim() == 1 && bits.size(0) == size, "ERR_SHAPE", "Expected ", what, " (", size,
          ") but received ", bits.sizes(), ".");
  return bits.contiguous();
}

}  // namespace

struct DistractorRanks::Block {
  const float* rows;
  int64_t count;
  int64_t first;
  const uint8_t* sets;
  const uint8_t* sampled;
};

/// Counts the distractors of tiles. Every probe is one thread's, and so are its counts.
class DistractorRanks::Visitor : public ScoreTiles::Visitor {
 public:
  Visitor(DistractorRanks& ranks, const Block& block, const std::vector<float>& floors, std::mutex& mutex)
      : ranks_(ranks), block_(block), floors_(floors), mutex_(mutex) {}

  void visit(const ScoreTile& tile) override {
    for (int64_t r = 0; r < tile.rows; ++r) {
      float floor = infinity;
      for (int64_t s = 0; s < ranks_.sets_; ++s) {
        if (((block_.sets[tile.first_row + r] >> s) & 1) != 0)
          floor = std::min(floor, floors_[static_cast<size_t>(s)]);
      }
      limits_.floors[r] = floor;
    }
    std::fill(limits_.edges, limits_.edges + tile_queries, infinity);
    std::fill(limits_.slack, limits_.slack + tile_queries, std::numeric_limits<float>::quiet_NaN());
    for (int64_t q = 0; q < tile.queries; ++q) {
      const auto probe = static_cast<size_t>(tile.first_query + q);
      const int64_t start = ranks_.starts_[probe];
      limits_.slack[q] = tile.slack[q];
      if (start < ranks_.starts_[probe + 1])
        limits_.edges[q] = ranks_.edges_[static_cast<size_t>(start)] - tile.slack[q];
    }
    const ScoreTile* seen = &tile;
    const Limits* limits = &limits_;
    bool* found = found_;
    KAPPA_CLONE(find_rows_that_reach(*seen, *limits, found));
    for (int64_t r = 0; r < tile.rows; ++r) {
      if (!found_[r] || block_.sets[tile.first_row + r] == 0) continue;
      const float* scores = tile.scores + r * tile_queries;
      for (int64_t q = 0; q < tile.queries; ++q) {
        if (reaches(scores[q], limits_, r, q)) count(tile, r, q, scores[q]);
      }
    }
  }

  void finish() override {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const Candidate& candidate : candidates_) {
      for (int64_t s = 0; s < ranks_.sets_; ++s) {
        if (((candidate.sets >> s) & 1) != 0) ranks_.highest_[static_cast<size_t>(s)].add(candidate.score);
      }
    }
  }

 private:
  void count(const ScoreTile& tile, int64_t r, int64_t q, float about) {
    const int64_t row = tile.first_row + r;
    const int64_t probe = tile.first_query + q;
    const int64_t start = ranks_.starts_[static_cast<size_t>(probe)];
    const int64_t mates = ranks_.starts_[static_cast<size_t>(probe) + 1] - start;
    const float* edges = ranks_.edges_.data() + start;
    const float high = about + tile.slack[q];
    int64_t above = edges_below(edges, mates, about - tile.slack[q]);
    const bool is_high = high >= limits_.floors[r];
    // Where an edge lies between the bounds, or the score may be one of the largest, it has to be known.
    if (is_high || (above < mates && edges[above] < high)) {
      const float score = dot_of(probe, row);
      above = edges_below(edges, mates, score);
      if (score >= limits_.floors[r])
        candidates_.push_back({{score, static_cast<int32_t>(probe)}, block_.sets[row]});
    }
    if (above == 0) return;
    uint32_t* counts = ranks_.counts_.data() + (start + probe + above) * ranks_.sets_;
    for (int64_t s = 0; s < ranks_.sets_; ++s) counts[s] += (block_.sets[row] >> s) & 1;
  }

  float dot_of(int64_t probe, int64_t row) const {
    const int64_t dim = ranks_.tiles_.queries().size(1);
    const float* a = ranks_.tiles_.queries().const_data_ptr<float>() + probe * dim;
    const float* b = block_.rows + row * dim;
    float score = 0;
    float* out = &score;
    KAPPA_CLONE(*out = dot(a, b, dim));
    return score;
  }

  DistractorRanks& ranks_;
  const Block& block_;
  const std::vector<float>& floors_;
  std::mutex& mutex_;
  std::vector<Candidate> candidates_;
  Limits limits_;
  bool found_[tile_rows];
};

DistractorRanks::DistractorRanks(const DistractorOptions& options, const Tensor& probes_QD,
                                 const MateScores& mates)
    : options_(options),
      tiles_(probes_QD, options.bfloat16),
      sets_(static_cast<int64_t>(options.kept_S.size())) {
  require(sets_ >= 1 && sets_ <= most_sets, "ERR_ARGUMENT", "Expected 1 to ", most_sets,
          " sets of distractors but received ", sets_, ".");
  const int64_t probes = tiles_.queries().size(0);
  pair_probes_P_ = checked_indices(mates.probes_P, -1, probes, "probes of pairs");
  const int64_t pairs = pair_probes_P_.size(0);
  require(mates.scores_P.is_cpu() && mates.scores_P.scalar_type() == at::kFloat, "ERR_DTYPE",
          "Expected scores of pairs in float32 on the CPU.");
  require(mates.scores_P.dim() == 1 && mates.scores_P.size(0) == pairs, "ERR_SHAPE",
          "Expected scores of pairs (", pairs, ") but received ", mates.scores_P.sizes(), ".");
  pair_scores_P_ = mates.scores_P.contiguous();
  const auto* probe_of = pair_probes_P_.const_data_ptr<int32_t>();
  const auto* scores = pair_scores_P_.const_data_ptr<float>();
  starts_.assign(static_cast<size_t>(probes) + 1, 0);
  for (int64_t p = 0; p < pairs; ++p) {
    require(std::isfinite(scores[p]), "ERR_NOT_FINITE", "The score of pair ", p, " is not finite.");
    ++starts_[static_cast<size_t>(probe_of[p]) + 1];
  }
  std::partial_sum(starts_.begin(), starts_.end(), starts_.begin());
  edges_.resize(static_cast<size_t>(pairs));
  std::vector<int64_t> next(starts_.begin(), starts_.end() - 1);
  for (int64_t p = 0; p < pairs; ++p)
    edges_[static_cast<size_t>(next[static_cast<size_t>(probe_of[p])]++)] = scores[p];
  for (size_t q = 0; q < static_cast<size_t>(probes); ++q)
    std::sort(edges_.begin() + starts_[q], edges_.begin() + starts_[q + 1]);
  counts_.assign(static_cast<size_t>((pairs + probes) * sets_), 0);
  for (const int64_t kept : options.kept_S) {
    require(kept >= 0, "ERR_ARGUMENT", "Expected how many scores are kept but received ", kept, ".");
    highest_.emplace_back(kept);
  }
  histogram_.assign(static_cast<size_t>(sets_ * bins), 0);
}

void DistractorRanks::add(const DistractorRows& distractors) {
  const Tensor features = checked_rows(distractors.features_ND, "features of distractors");
  const int64_t dim = tiles_.queries().size(1);
  require(features.size(1) == dim, "ERR_SHAPE", "Expected features of distractors of dimension ", dim,
          " as the probes have but received ", features.size(1), ".");
  const int64_t count = features.size(0);
  const Tensor sets = checked_bits(distractors.sets_N, count, "sets of distractors");
  const Tensor sampled = checked_bits(distractors.sampled_N, count, "sampled distractors");
  const auto* values = features.const_data_ptr<float>();
  rows_.resize(static_cast<size_t>(ScoreTiles::block_rows * dim));
  for (int64_t from = 0; from < count; from += ScoreTiles::block_rows) {
    const int64_t size = std::min(ScoreTiles::block_rows, count - from);
    unit_rows_into(values + from * dim, size, dim, added_, rows_.data(), dim);
    const Block block{rows_.data(), size, added_, sets.const_data_ptr<uint8_t>() + from,
                      sampled.const_data_ptr<uint8_t>() + from};
    count_block(block);
    count_sampled(block);
    added_ += size;
  }
}

void DistractorRanks::count_block(const Block& block) {
  std::vector<float> floors;
  for (const HighestScores& highest : highest_) floors.push_back(highest.floor());
  std::mutex mutex;
  tiles_.walk(block.rows, block.count, block.first,
              [&] { return std::make_unique<Visitor>(*this, block, floors, mutex); });
}

namespace {

/// Scores of a query with some rows, counted in the bins of their sets.
KAPPA_INLINE void count_scores(const float* query, const float* const* rows, int64_t count, int64_t dim,
                               int32_t* bins_of) {
  for (int64_t r = 0; r < count; ++r) {
    const double place = (static_cast<double>(dot(query, rows[r], dim)) + 1) * (DistractorRanks::bins / 2);
    const auto bin = static_cast<int32_t>(std::max(place, 0.0));
    bins_of[r] = std::min(bin, static_cast<int32_t>(DistractorRanks::bins - 1));
  }
}

}  // namespace

void DistractorRanks::count_sampled(const Block& block) {
  const int64_t dim = tiles_.queries().size(1);
  std::vector<const float*> rows;
  std::vector<uint8_t> sets;
  for (int64_t r = 0; r < block.count; ++r) {
    if (block.sampled[r] == 0) continue;
    rows.push_back(block.rows + r * dim);
    sets.push_back(block.sampled[r]);
  }
  if (rows.empty()) return;
  const auto count = static_cast<int64_t>(rows.size());
  const auto* queries = tiles_.queries().const_data_ptr<float>();
  std::mutex mutex;
  parallel_for(0, tiles_.queries().size(0), 1, [&](int64_t begin, int64_t end) {
    std::vector<int64_t> own(histogram_.size());
    int32_t bins_of[sample_tile];
    int32_t* out = bins_of;
    for (int64_t from = 0; from < count; from += sample_tile) {
      const int64_t size = std::min(sample_tile, count - from);
      const float* const* some = rows.data() + from;
      for (int64_t q = begin; q < end; ++q) {
        const float* query = queries + q * dim;
        KAPPA_CLONE(count_scores(query, some, size, dim, out));
        for (int64_t r = 0; r < size; ++r) {
          for (int64_t s = 0; s < sets_; ++s) {
            own[static_cast<size_t>(s * bins + bins_of[r])] += (sets[static_cast<size_t>(from + r)] >> s) & 1;
          }
        }
      }
    }
    const std::lock_guard<std::mutex> lock(mutex);
    for (size_t i = 0; i < own.size(); ++i) histogram_[i] += own[i];
  });
}

DistractorResult DistractorRanks::result() {
  const int64_t pairs = pair_probes_P_.size(0);
  const int64_t probes = tiles_.queries().size(0);
  DistractorResult result;
  result.above_SP = at::empty({sets_, pairs}, at::kInt);
  auto* above = result.above_SP.mutable_data_ptr<int32_t>();
  // From here on, counts of distractors above at least so many edges.
  std::vector<uint32_t> counts = counts_;
  for (int64_t q = 0; q < probes; ++q) {
    const int64_t first = starts_[static_cast<size_t>(q)] + q;
    const int64_t last = starts_[static_cast<size_t>(q) + 1] + q;
    for (int64_t i = last * sets_ - 1; i >= first * sets_; --i)
      counts[static_cast<size_t>(i)] += counts[static_cast<size_t>(i + sets_)];
  }
  const auto* probe_of = pair_probes_P_.const_data_ptr<int32_t>();
  const auto* scores = pair_scores_P_.const_data_ptr<float>();
  for (int64_t p = 0; p < pairs; ++p) {
    const int64_t start = starts_[static_cast<size_t>(probe_of[p])];
    const auto begin = edges_.begin() + start;
    const auto end = edges_.begin() + starts_[static_cast<size_t>(probe_of[p]) + 1];
    const int64_t least = std::upper_bound(begin, end, scores[p]) - begin;
    for (int64_t s = 0; s < sets_; ++s) {
      above[s * pairs + p] =
          static_cast<int32_t>(counts[static_cast<size_t>((start + probe_of[p] + least) * sets_ + s)]);
    }
  }
  for (HighestScores& highest : highest_) {
    const std::vector<ScoreOf>& sorted = highest.sorted();
    const auto size = static_cast<int64_t>(sorted.size());
    HighestOfSet of{at::empty({size}, at::kFloat), at::empty({size}, at::kInt)};
    auto* score_out = of.scores.mutable_data_ptr<float>();
    auto* probe_out = of.probes.mutable_data_ptr<int32_t>();
    for (int64_t i = 0; i < size; ++i) {
      score_out[i] = sorted[static_cast<size_t>(i)].score;
      probe_out[i] = sorted[static_cast<size_t>(i)].query;
    }
    result.highest_S.push_back(of);
  }
  result.histogram_SB = at::empty({sets_, bins}, at::kLong);
  std::copy(histogram_.begin(), histogram_.end(), result.histogram_SB.mutable_data_ptr<int64_t>());
  return result;
}

}  // namespace kappa
