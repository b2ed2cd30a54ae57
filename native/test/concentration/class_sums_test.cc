#include "concentration/class_sums.h"

#include <ATen/ATen.h>

#include <tuple>
#include <vector>

#include "concentration/concentration.h"
#include "test/concentration/shards.h"
#include "test/test.h"

namespace {

using at::Tensor;
using kappa::ClassRange;
using kappa::ShardGroup;
using kappa::StepBatches;
using kappa::test::on_shards;
using kappa::test::part_of;
using kappa::test::shard_of;

constexpr int64_t num_classes = 11;
constexpr int64_t dim = 16;

struct Sums {
  Tensor sums, counts;
};

Sums zeros(const ClassRange& classes) {
  return {at::zeros({classes.count, dim}, at::kDouble), at::zeros({classes.count}, at::kLong)};
}

StepBatches step_of(int64_t batches) {
  StepBatches step;
  for (int64_t m = 0; m < batches; ++m) {
    Tensor embeddings = at::randn({6, dim}) * 3;
    embeddings[m % 6].zero_();
    step.embeddings.push_back(embeddings);
    step.labels.push_back(at::randint(num_classes, {6}, at::kLong));
  }
  return step;
}

TEST(
    "class sums of shards are those of one shard with all batches, to the bit, and count what has a "
    "direction") {
  for (const int64_t count : {2, 3}) {
    at::manual_seed(6);
    const ClassRange all = shard_of(num_classes, 0, 1);
    const Sums one = zeros(all);
    std::vector<Sums> shards;
    for (int64_t rank = 0; rank < count; ++rank) shards.push_back(zeros(shard_of(num_classes, rank, count)));
    Tensor expected = at::zeros({num_classes, dim}, at::kDouble);
    for (int64_t number = 0; number < 5; ++number) {
      const StepBatches step = step_of(2 * count);
      kappa::add_to_class_sums(one.sums, one.counts, all, step, nullptr);
      on_shards(count, [&](int64_t rank, ShardGroup& group) {
        const Sums& shard = shards[static_cast<size_t>(rank)];
        kappa::add_to_class_sums(shard.sums, shard.counts, shard_of(num_classes, rank, count),
                                 part_of(step, rank, count), &group);
      });
      for (size_t m = 0; m < step.labels.size(); ++m) {
        const Tensor x = step.embeddings[m].to(at::kDouble);
        expected.index_add_(0, step.labels[m], x / x.norm(2, {1}, true).clamp_min(1e-12));
      }
    }
    std::vector<Tensor> sums, counts;
    for (const Sums& shard : shards) {
      sums.push_back(shard.sums);
      counts.push_back(shard.counts);
    }
    EXPECT(at::equal(at::cat(sums), one.sums) && at::equal(at::cat(counts), one.counts));
    EXPECT((one.sums - expected).abs().max().item<double>() < 1e-12);
    EXPECT(one.counts.sum().item<int64_t>() == 5 * 2 * count * 5);
  }
}

/// Sums of `counts` unit vectors with a given mean resultant length.
Tensor sums_of(const Tensor& counts, const Tensor& lengths) {
  const Tensor directions = at::randn({counts.size(0), dim}, at::kDouble);
  return directions / directions.norm(2, {1}, true) * (counts * lengths).unsqueeze(1);
}

/// Everything that is computed of each class, below each other.
Tensor statistics(const Tensor& sums, const Tensor& counts, bool debias, bool paper, ShardGroup* group) {
  const auto [resultant, kappa] = kappa::class_concentration(sums, counts, debias, group);
  const auto [wk, ws, psi] =
      kappa::class_margin_scale(resultant, kappa, counts, counts + 1, 0.4, 0.7, paper, group);
  return at::stack({resultant, kappa, wk, ws, psi});
}

TEST("statistics of shards are those of one shard") {
  at::manual_seed(7);
  const auto check = [](const Tensor& counts, const Tensor& lengths) {
    const Tensor sums = sums_of(counts, lengths);
    const int64_t classes = counts.size(0);
    for (const bool debias : {false, true}) {
      for (const bool paper : {false, true}) {
        const Tensor one = statistics(sums, counts, debias, paper, nullptr);
        EXPECT(one.isfinite().all().item<bool>());
        for (const int64_t count : {1, 2, 3}) {
          std::vector<Tensor> parts(static_cast<size_t>(count));
          on_shards(count, [&](int64_t rank, ShardGroup& group) {
            const ClassRange own = shard_of(classes, rank, count);
            parts[static_cast<size_t>(rank)] =
                statistics(sums.narrow(0, own.first, own.count).contiguous(),
                           counts.narrow(0, own.first, own.count).contiguous(), debias, paper, &group);
          });
          const Tensor difference = (at::cat(parts, 1) - one).abs() / one.abs().clamp_min(1e-3);
          EXPECT(difference.max().item<double>() < 1e-12);
        }
      }
    }
  };
  // 11 classes of many sizes, with singletons, classes that nobody saw and some whose images are all alike.
  const Tensor counts = at::tensor({5, 1, 0, 40, 2, 3, 17, 1, 600, 4, 9}, at::kLong);
  const Tensor lengths =
      at::tensor({0.4, 1.0, 0.0, 0.9, 0.7, 1.0, 0.55, 1.0, 0.3, 0.99999, 0.2}, at::kDouble);
  check(counts, lengths);
  // Nothing to compare: singletons only, one class that is not, all alike; more shards than classes.
  check(at::ones({5}, at::kLong), at::ones({5}, at::kDouble));
  check(at::tensor({1, 6, 1, 1}, at::kLong), at::tensor({1.0, 0.5, 1.0, 1.0}, at::kDouble));
  check(at::full({4}, 3, at::kLong), at::ones({4}, at::kDouble));
  check(at::tensor({3, 8}, at::kLong), at::tensor({0.5, 0.6}, at::kDouble));
  // Large kappas that differ by little: a mean of squares would lose the deviation.
  check(at::full({9}, 100, at::kLong), at::arange(9, at::kDouble) * 1e-9 + 0.9);
}

}  // namespace
