#include "head/unsampled.h"

#include <ATen/ATen.h>

#include <memory>

#include "head/margin_softmax.h"
#include "test/test.h"

namespace {

using at::Tensor;
using namespace kappa;

constexpr int64_t classes = 3001;
constexpr int64_t dim = 96;  // more than one piece

SgdOptions sgd(double momentum, double weight_decay, bool nesterov) {
  SgdOptions step;
  step.lr = 0.1;
  step.momentum = momentum;
  step.weight_decay = weight_decay;
  step.nesterov = nesterov;
  return step;
}

struct Moved {
  Tensor centres;
  Tensor velocity;
};

/// A step by LibTorch's operations over all rows; the gradient is zero but for the rows given.
Moved plain(const Moved& before, const Tensor& rows, const Tensor& gradient, const SgdOptions& step) {
  Tensor centres = before.centres.clone();
  Tensor velocity = before.velocity.clone();
  Tensor change = at::zeros_like(centres).index_copy(0, rows, gradient) + step.weight_decay * centres;
  if (step.momentum != 0) {
    velocity = step.momentum * velocity + change;
    change = step.nesterov ? change + step.momentum * velocity : velocity;
  }
  return {centres - step.lr * change, velocity};
}

Moved some_rows() {
  at::manual_seed(5);
  return {at::randn({classes, dim}, at::kDouble), at::randn({classes, dim}, at::kDouble)};
}

double furthest(const Tensor& a, const Tensor& b) { return (a - b).abs().max().item<double>(); }

}  // namespace

TEST("rows that are not sampled move as sgd moves them") {
  const Tensor rows = std::get<0>(at::sort(at::randperm(classes, at::kLong).narrow(0, 0, 300)));
  for (const double momentum : {0.0, 0.9}) {
    for (const double decay : {0.0, 0.05}) {
      for (const bool nesterov : {false, true}) {
        if (nesterov && momentum == 0) continue;
        const SgdOptions step = sgd(momentum, decay, nesterov);
        const Moved before = some_rows();
        Moved expected = plain(before, rows, at::zeros({300, dim}, at::kDouble), step);
        expected.centres.index_copy_(0, rows, before.centres.index_select(0, rows));
        expected.velocity.index_copy_(0, rows, before.velocity.index_select(0, rows));
        Moved moved = some_rows();
        move_unsampled(moved.centres, momentum != 0 ? moved.velocity : Tensor(), rows, step, {});
        EXPECT(furthest(moved.centres, expected.centres) < 1e-14);
        EXPECT(furthest(moved.velocity, expected.velocity) < 1e-14);
        if (momentum != 0) EXPECT(furthest(moved.centres, before.centres) > 0.1);
      }
    }
  }
}

TEST("rows that are not sampled stay where the step is left out") {
  const Moved before = some_rows();
  Moved moved = some_rows();
  const Tensor found = at::ones({1}, at::kFloat);
  move_unsampled(moved.centres, moved.velocity, at::arange(10, at::kLong), sgd(0.9, 0.05, false), found);
  EXPECT(at::equal(moved.centres, before.centres));
  EXPECT(at::equal(moved.velocity, before.velocity));
  found.zero_();
  move_unsampled(moved.centres, moved.velocity, at::arange(10, at::kLong), sgd(0.9, 0.05, false), found);
  EXPECT(!at::equal(moved.centres, before.centres));
}

TEST("both rules of partial fc are sgd over their rows") {
  const int64_t batch = 12;
  for (const RowRule rule : {RowRule::sampled, RowRule::all}) {
    const SgdOptions step = sgd(0.9, 0.05, false);
    const Moved before = some_rows();
    const Tensor labels = at::randint(classes, {batch}, at::kLong);
    const Tensor embeddings = at::randn({batch, dim}, at::kDouble).requires_grad_(true);
    const Tensor margins = at::full({classes}, 0.3, at::kDouble);
    MarginSoftmaxOptions options;
    options.scale = 16;
    options.rows = rule;
    const ClassSampler sampler(0.1, 7);
    const ClassRange shard{0, classes, classes};
    const Tensor rows = sampler.draw(0, labels, shard, at::kCPU);

    // The gradient of the sampled centres, as a head of those alone gives it.
    const Tensor own = before.centres.index_select(0, rows).requires_grad_(true);
    MarginSoftmaxOptions whole = options;
    const ClassRange range{0, rows.size(0), rows.size(0)};
    const auto reference = std::make_shared<MarginSoftmax>(whole, ClassSampler(1, 0), range, nullptr);
    const Tensor places = at::searchsorted(rows, labels);
    std::get<0>(reference->forward(embeddings, own, places, margins.index_select(0, rows), false, {}))
        .backward();
    const Moved all = plain(before, rows, own.grad(), step);

    const auto head = std::make_shared<MarginSoftmax>(options, sampler, shard, nullptr);
    for (const float found : {0.0F, 1.0F}) {
      Moved moved{before.centres.clone(), before.velocity.clone()};
      const Tensor counter = at::zeros({1}, at::kLong);
      std::get<0>(head->forward(embeddings, moved.centres, labels, margins, true, counter)).backward();
      head->update(moved.centres, moved.velocity, step, at::full({1}, found, at::kFloat));
      const auto check = [&](const Tensor& is, const Tensor& was, const Tensor& wholly) {
        const bool moves = found == 0;
        const Tensor others = rule == RowRule::all && moves ? wholly : was;
        const Tensor expected = moves ? others.index_copy(0, rows, wholly.index_select(0, rows)) : was;
        EXPECT(furthest(is, expected) < 1e-12);
      };
      check(moved.centres, before.centres, all.centres);
      check(moved.velocity, before.velocity, all.velocity);
    }
  }
}
