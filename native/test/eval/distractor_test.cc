#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "eval/distractor_ranks.h"
#include "eval/pair_scores.h"
#include "eval/top_rows.h"
#include "eval/unit_rows.h"
#include "runtime/error.h"
#include "test/test.h"

namespace {

using at::Tensor;
using namespace kappa;

/// Scores of all queries with all rows as a score is defined.
Tensor all_scores(const Tensor& queries, const Tensor& rows) {
  const int64_t q = queries.size(0);
  const int64_t n = rows.size(0);
  const Tensor first = at::arange(q).repeat_interleave(n);
  const Tensor second = at::arange(n).repeat({q}) + q;
  return pair_scores(at::cat({queries, rows}), first, second).reshape({q, n});
}

struct Problem {
  Tensor probes, distractors, pair_probes, pair_scores_of, sets, sampled;
};

/// Probes whose pairs have scores that are those of some distractors, and their neighbours in float32: as
/// near to ties as there are numbers for.
Problem near_ties(int64_t probes, int64_t distractors, int64_t dim, int64_t pairs_of_each) {
  Problem p;
  p.probes = unit_rows(at::randn({probes, dim}));
  p.distractors = at::randn({distractors, dim}) * 3;
  p.distractors.slice(0, 0, distractors / 4) =
      p.distractors.slice(0, 0, distractors / 4) + p.probes[0] * (3 * std::sqrt(static_cast<double>(dim)));
  p.distractors[distractors / 2] = p.distractors[distractors / 3];  // one of them twice
  const Tensor scores = all_scores(p.probes, unit_rows(p.distractors));
  p.pair_probes = at::arange(probes).repeat_interleave(pairs_of_each);
  const Tensor chosen = at::randint(distractors, {probes, pairs_of_each}, at::kLong);
  Tensor near = scores.gather(1, chosen);
  auto* values = near.mutable_data_ptr<float>();
  for (int64_t i = 0; i < near.numel(); ++i) {
    if (i % 3 == 1) values[i] = std::nextafter(values[i], 2.0f);
    if (i % 3 == 2) values[i] = std::nextafter(values[i], -2.0f);
  }
  p.pair_scores_of = near.reshape({-1});
  p.sets = at::randint(8, {distractors}, at::kByte);  // three sets, none within another
  p.sampled = at::bitwise_and(p.sets, at::full({distractors}, 5, at::kByte));
  return p;
}

DistractorResult ranked(const Problem& p, bool bfloat16, int64_t kept, int64_t piece) {
  DistractorRanks ranks({{kept, kept, kept}, bfloat16}, p.probes, {p.pair_probes, p.pair_scores_of});
  for (int64_t from = 0; from < p.distractors.size(0); from += piece) {
    const auto part = [&](const Tensor& all) {
      return all.slice(0, from, std::min(from + piece, all.size(0)));
    };
    ranks.add({part(p.distractors), part(p.sets), part(p.sampled)});
  }
  return ranks.result();
}

void expect_true_ranks(const Problem& p, const DistractorResult& result, int64_t kept) {
  const Tensor scores = all_scores(p.probes, unit_rows(p.distractors));
  const int64_t pairs = p.pair_probes.size(0);
  for (int64_t s = 0; s < 3; ++s) {
    const Tensor member = at::bitwise_and(p.sets, at::full_like(p.sets, 1 << s)) != 0;
    const Tensor own = scores.index_select(1, member.nonzero().reshape({-1}));
    const Tensor above =
        (own.index_select(0, p.pair_probes) > p.pair_scores_of.reshape({pairs, 1})).sum(1).to(at::kInt);
    EXPECT(at::equal(above, result.above_SP[s]));
    const Tensor sorted = std::get<0>(own.reshape({-1}).sort(0, true));
    const int64_t count = std::min(kept, sorted.numel());
    EXPECT(at::equal(sorted.slice(0, 0, count), result.highest_S[static_cast<size_t>(s)].scores));
    const Tensor sampled = at::bitwise_and(p.sampled, at::full_like(p.sampled, 1 << s)) != 0;
    const Tensor counted = scores.index_select(1, sampled.nonzero().reshape({-1})).reshape({-1});
    const Tensor bins = ((counted.to(at::kDouble) + 1) * 4096).floor().clamp(0, 8191).to(at::kLong);
    EXPECT(at::equal(at::bincount(bins, {}, 8192), result.histogram_SB[s]));
  }
}

TEST("distractors are counted exactly, in float32 and bfloat16, however near scores are to ties") {
  at::manual_seed(6);
  for (const int64_t dim : {1, 7, 64, 129, 512}) {
    for (const int64_t kept : {0, 1, 50, 1000000}) {
      const Problem p = near_ties(70, 1500, dim, dim == 64 ? 100 : 5);
      const DistractorResult once = ranked(p, false, kept, 2000);
      expect_true_ranks(p, once, kept);
      for (const bool bfloat16 : {false, true}) {
        const int threads = at::get_num_threads();
        at::set_num_threads(bfloat16 ? 1 : 3);
        const DistractorResult again = ranked(p, bfloat16, kept, 333);
        at::set_num_threads(threads);
        EXPECT(at::equal(once.above_SP, again.above_SP));
        EXPECT(at::equal(once.histogram_SB, again.histogram_SB));
        for (size_t s = 0; s < 3; ++s) {
          EXPECT(at::equal(once.highest_S[s].scores, again.highest_S[s].scores));
          EXPECT(at::equal(once.highest_S[s].probes, again.highest_S[s].probes));
        }
      }
    }
  }
}

TEST("a distractor of zeros has score 0, and a probe without pairs none to be counted for") {
  DistractorRanks ranks({{10}, false}, at::eye(3), {at::tensor({0, 0}), at::tensor({-0.5f, 0.0f})});
  const Tensor rows = at::zeros({2, 3});
  rows[1][0] = 1e-30f;
  ranks.add({rows, at::ones({2}, at::kByte), at::ones({2}, at::kByte)});
  const DistractorResult result = ranks.result();
  EXPECT(at::equal(result.above_SP, at::tensor({2, 1}, at::kInt).reshape({1, 2})));
  EXPECT(at::equal(result.highest_S[0].scores, at::tensor({1.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f})));
  EXPECT(at::equal(result.highest_S[0].probes, at::tensor({0, 0, 1, 1, 2, 2}, at::kInt)));
  EXPECT(result.histogram_SB[0][8191].item<int64_t>() == 1);
  EXPECT(result.histogram_SB[0][4096].item<int64_t>() == 5);
}

TEST("distractors and pairs that cannot be are refused") {
  const Tensor probes = at::eye(2);
  const MateScores mates{at::tensor({0, 1}), at::zeros({2})};
  EXPECT_ERROR(DistractorRanks({{}, false}, probes, mates), "ERR_ARGUMENT");
  EXPECT_ERROR(DistractorRanks({{-1}, false}, probes, mates), "ERR_ARGUMENT");
  EXPECT_ERROR(DistractorRanks({{1}, false}, probes * NAN, mates), "ERR_NOT_FINITE");
  EXPECT_ERROR(DistractorRanks({{1}, false}, probes, {at::tensor({0, 2}), at::zeros({2})}),
               "ERR_LABEL_RANGE");
  EXPECT_ERROR(DistractorRanks({{1}, false}, probes, {at::tensor({0, 1}), at::zeros({3})}), "ERR_SHAPE");
  EXPECT_ERROR(DistractorRanks({{1}, false}, probes, {at::tensor({0, 1}), at::zeros({2}) * NAN}),
               "ERR_NOT_FINITE");
  DistractorRanks ranks({{1}, false}, probes, mates);
  const Tensor bits = at::ones({3}, at::kByte);
  EXPECT_ERROR(ranks.add({at::zeros({3, 4}), bits, bits}), "ERR_SHAPE");
  EXPECT_ERROR(ranks.add({at::zeros({2, 2}), bits, bits}), "ERR_SHAPE");
  EXPECT_ERROR(ranks.add({at::zeros({3, 2}), bits.to(at::kInt), bits}), "ERR_DTYPE");
  EXPECT_ERROR(ranks.add({at::full({3, 2}, INFINITY), bits, bits}), "ERR_NOT_FINITE");
}

TEST("the best rows of a query are found exactly, the first of equal ones, in pieces as at once") {
  at::manual_seed(8);
  for (const int64_t dim : {1, 30, 512}) {
    for (const int64_t count : {1, 5, 900}) {
      const Tensor queries = at::randn({67, dim});
      Tensor rows = at::randn({700, dim});
      rows.slice(0, 300, 400) = rows.slice(0, 0, 100);
      const Tensor scores = all_scores(queries, rows);
      const auto [sorted, order] = scores.sort(/*stable=*/true, 1, true);
      const int64_t known = std::min<int64_t>(count, 700);
      for (const bool bfloat16 : {false, true}) {
        const TopRows once = top_rows(queries, rows, {count, 0, bfloat16}, std::nullopt);
        EXPECT(at::equal(once.scores_QK.slice(1, 0, known), sorted.slice(1, 0, known)));
        EXPECT(at::equal(once.indices_QK.slice(1, 0, known), order.slice(1, 0, known).to(at::kInt)));
        EXPECT((once.indices_QK.slice(1, known) == -1).all().item<bool>());
        const TopRows half = top_rows(queries, rows.slice(0, 0, 350), {count, 0, bfloat16}, std::nullopt);
        const TopRows rest = top_rows(queries, rows.slice(0, 350), {count, 350, bfloat16},
                                      BestSoFar{half.scores_QK, half.indices_QK});
        EXPECT(at::equal(rest.scores_QK, once.scores_QK) && at::equal(rest.indices_QK, once.indices_QK));
      }
    }
  }
  EXPECT_ERROR(top_rows(at::zeros({2, 3}), at::zeros({2, 4}), {}, std::nullopt), "ERR_SHAPE");
  EXPECT_ERROR(top_rows(at::zeros({2, 3}), at::zeros({2, 3}), {0, 0, false}, std::nullopt), "ERR_ARGUMENT");
  EXPECT_ERROR(top_rows(at::zeros({2, 3}), at::full({2, 3}, NAN), {}, std::nullopt), "ERR_NOT_FINITE");
}

TEST("rows get length 1, very small and very large ones too") {
  const Tensor rows = at::tensor({3.0f, 4.0f, 0.0f, 0.0f, 3e-30f, -4e-30f, 3e30f, 4e30f}).reshape({4, 2});
  const Tensor expected = at::tensor({0.6f, 0.8f, 0.0f, 0.0f, 0.6f, -0.8f, 0.6f, 0.8f}).reshape({4, 2});
  EXPECT(at::allclose(unit_rows(rows), expected, 1e-6, 0));
  EXPECT_ERROR(unit_rows(at::tensor({1.0f, NAN}).reshape({1, 2})), "ERR_NOT_FINITE");
}

}  // namespace
