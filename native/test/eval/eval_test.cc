#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "eval/pair_scores.h"
#include "eval/roc.h"
#include "eval/templates.h"
#include "runtime/error.h"
#include "test/test.h"

namespace {

using at::Tensor;
using namespace kappa;

TEST("pairs of rows are scored by their dot products, at every dimension and on any number of threads") {
  at::manual_seed(3);
  for (const int64_t dim : {1, 15, 64, 130, 512}) {
    const Tensor rows = at::randn({50, dim});
    const Tensor first = at::randint(50, {20000}, at::kLong);
    const Tensor second = at::randint(50, {20000}, at::kInt);
    const int threads = at::get_num_threads();
    at::set_num_threads(1);
    const Tensor alone = pair_scores(rows, first, second);
    at::set_num_threads(2);
    const Tensor together = pair_scores(rows, first, second);
    at::set_num_threads(threads);
    EXPECT(at::equal(alone, together));
    const Tensor wide = rows.to(at::kDouble);
    const Tensor expected = (wide.index_select(0, first) * wide.index_select(0, second.to(at::kLong))).sum(1);
    EXPECT((alone.to(at::kDouble) - expected).abs().max().item<double>() < 1e-4);
  }
  EXPECT_ERROR(pair_scores(at::zeros({2, 3}), at::tensor({0, 2}), at::tensor({0, 1})), "ERR_LABEL_RANGE");
  EXPECT_ERROR(pair_scores(at::zeros({2, 3}), at::tensor({0, -1}), at::tensor({0, 1})), "ERR_LABEL_RANGE");
  EXPECT_ERROR(pair_scores(at::zeros({2, 3}), at::tensor({0}), at::tensor({0, 1})), "ERR_SHAPE");
  EXPECT_ERROR(pair_scores(at::zeros({2, 3}, at::kDouble), at::tensor({0}), at::tensor({1})), "ERR_DTYPE");
}

TEST("pairs have the same scores in any order, however many there are of each row") {
  at::manual_seed(5);
  for (const int64_t dim : {3, 200, 512}) {
    const int64_t count = 600000 / dim;
    const Tensor rows = at::randn({count, dim});
    const Tensor first = at::randint(count, {count * 9}, at::kLong);
    const Tensor second = at::randint(count, {count * 9}, at::kLong);
    const Tensor together = pair_scores(rows, first, second);
    std::vector<Tensor> pieces;
    for (int64_t from = 0; from < first.numel(); from += 3 * count) {
      const int64_t to = std::min(from + 3 * count, first.numel());
      pieces.push_back(pair_scores(rows, first.slice(0, from, to), second.slice(0, from, to)));
    }
    EXPECT(at::equal(together, at::cat(pieces)));
    const Tensor wide = rows.to(at::kDouble);
    const Tensor some = at::arange(0, first.numel(), 97);
    const Tensor expected = (wide.index_select(0, first.index_select(0, some)) *
                             wide.index_select(0, second.index_select(0, some)))
                                .sum(1);
    EXPECT((together.index_select(0, some).to(at::kDouble) - expected).abs().max().item<double>() < 1e-3);
  }
}

TEST("a template is the sum over media of the means of their faces, at length 1") {
  const Tensor features = at::tensor({3.0f, 0.0f, 0.0f, 1.0f, 0.0f, 3.0f, 4.0f, 4.0f}).reshape({4, 2});
  // The faces of template 1 are a video of two frames and a picture; they do not come in order.
  const TemplateFaces faces{features, {}, {}, at::tensor({1, 1, 1, 0}), at::tensor({7, 9, 7, 7})};
  const Tensor pooled = pool_templates(faces, 2, false);
  const Tensor expected = at::tensor({1.0f, 1.0f, 1.5f, 2.5f}).reshape({2, 2});
  EXPECT(at::allclose(pooled, expected / expected.norm(2, {1}, true)));
  TemplateFaces weighted = faces;
  weighted.weights_F = at::tensor({2.0f, 0.0f, 2.0f, 1.0f});
  EXPECT(at::allclose(pool_templates(weighted, 2, false)[1], at::full({2}, std::sqrt(0.5f))));
  EXPECT(at::allclose(pool_templates(faces, 2, true)[1],
                      at::tensor({0.5f, 1.5f}) / at::tensor({0.5f, 1.5f}).norm()));
  EXPECT_ERROR(pool_templates(faces, 3, false), "ERR_LABEL_RANGE");
  EXPECT_ERROR(pool_templates(faces, 1, false), "ERR_LABEL_RANGE");
  TemplateFaces broken = faces;
  broken.features_FD = features.clone();
  broken.features_FD[2][0] = NAN;
  EXPECT_ERROR(pool_templates(broken, 2, false), "ERR_NOT_FINITE");
}

TEST("points of the ROC count every pair, negative scores and long ties among them") {
  at::manual_seed(4);
  const Tensor scores = (at::randn({3000}) * 8).round() / 8;
  const Tensor answers = (at::rand({3000}) < 0.2).to(at::kByte);
  const RocPoints whole = roc_points(scores, answers, false);
  const auto count = whole.thresholds.numel();
  EXPECT(whole.all_genuine == answers.sum().item<int64_t>());
  EXPECT(std::isinf(whole.thresholds[0].item<float>()) && whole.impostors[0].item<int64_t>() == 0);
  for (int64_t k = 1; k < count; ++k) {
    const Tensor accepted = scores >= whole.thresholds[k];
    EXPECT(whole.genuine[k].item<int64_t>() == (accepted & answers.to(at::kBool)).sum().item<int64_t>());
    EXPECT(whole.impostors[k].item<int64_t>() == (accepted & ~answers.to(at::kBool)).sum().item<int64_t>());
  }
  EXPECT(whole.impostors[count - 1].item<int64_t>() == whole.all_impostors);
  EXPECT(roc_points(scores, answers, true).thresholds.numel() <= count);
}

}  // namespace
