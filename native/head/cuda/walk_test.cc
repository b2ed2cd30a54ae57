// The walk over centres on a CUDA device, from the very source of the addon, executed on the CPU: tensors are
// CPU tensors, cuBLAS is LibTorch's product, kernels run as in kernels_test.cc.
#define KAPPA_BLOCK_COLUMNS 96  // several blocks, the last one ragged
#include "head/cuda/walk.cc"

#include <cmath>
#include <mutex>
#include <thread>

#include "head/centre_walk.h"
#include "head/class_sampler.h"
#include "test/test.h"

namespace {

using namespace kappa;
using at::Tensor;

constexpr int64_t batch = 7;
constexpr int64_t classes = 250;
constexpr int64_t dim = 16;

struct Problem {
  Tensor embeddings, centres, labels, margins;
};

Problem problem() {
  at::manual_seed(4);
  Problem p{at::randn({batch, dim}) * 3, at::randn({classes, dim}) * 0.02,
            at::randint(classes, {batch}, at::kLong), at::rand({classes}) * 0.8};
  for (int64_t i = 0; i < batch; i += 2) p.embeddings[i] += p.centres[p.labels[i].item<int64_t>()] * 100;
  return p;
}

bool near(const Tensor& actual, const Tensor& expected, double tolerance) {
  const double length = std::fmax(expected.norm().item<double>(), 1e-6);
  return (actual - expected).norm().item<double>() < tolerance * length;
}

struct Tolerance {
  Precision precision;
  double value;
};
const std::vector<Tolerance> precisions = {
    {Precision::float32, 2e-5}, {Precision::float16, 1e-2}, {Precision::bfloat16, 4e-2}};

SoftmaxResult on_device(const Problem& p, const MarginSoftmaxOptions& options, const Tensor& rows = {}) {
  return cuda::walk_forward(p.embeddings, {p.centres, rows, 0}, p.labels, p.margins, options, {}, nullptr);
}
SoftmaxResult on_cpu(const Problem& p, const MarginSoftmaxOptions& options, const Tensor& rows = {}) {
  return walk_forward(p.embeddings, {p.centres, rows, 0}, p.labels, p.margins, options, {},
                      std::make_shared<Workspace>(), nullptr);
}

TEST("the walk on a device gives the CPU walk's loss and gradients, whatever it keeps") {
  const Problem p = problem();
  for (const auto& [precision, tolerance] : precisions) {
    for (const int64_t budget : {int64_t{0}, int64_t{4} * batch * 96, int64_t{46} << 20}) {
      if (precision != Precision::float32 && budget == 0) continue;
      MarginSoftmaxOptions options;
      const SoftmaxResult expected = on_cpu(p, options);
      options.precision = precision;
      options.budget = budget;
      const SoftmaxResult actual = on_device(p, options);
      EXPECT(near(actual.loss, expected.loss, tolerance));
      EXPECT(near(actual.target_cosines_B, expected.target_cosines_B, 1e-4));
      EXPECT(near(actual.embeddings_gradient_BD, expected.embeddings_gradient_BD, tolerance));
      EXPECT((actual.pass->kept_bytes() > 0) == (budget > 0));
      Tensor gradient = at::empty_like(p.centres);
      Tensor expected_gradient = at::empty_like(p.centres);
      // Half of the weight lives on the device.
      cuda::walk_gradient({{actual.pass, 0.5, at::full({}, 2.0f)}}, p.centres, gradient);
      walk_gradient({{expected.pass, 1}}, p.centres, expected_gradient);
      EXPECT(near(gradient, expected_gradient, tolerance));
    }
  }
}

/// Both walks' updates by the same passes; the rows of each pass, undefined for all classes.
void compare_updates(const std::vector<Tensor>& rows_of_passes, const Tolerance& precision,
                     const SgdOptions& step) {
  Problem device = problem();
  Problem host = problem();
  Tensor velocity = at::full_like(device.centres, 0.01);
  Tensor host_velocity = velocity.clone();
  std::vector<WeightedPass> passes, host_passes;
  MarginSoftmaxOptions options;
  for (size_t i = 0; i < rows_of_passes.size(); ++i) {
    const double weight = 0.3 + static_cast<double>(i);
    options.precision = Precision::float32;
    host_passes.push_back({on_cpu(host, options, rows_of_passes[i]).pass, weight});
    options.precision = precision.precision;
    passes.push_back({on_device(device, options, rows_of_passes[i]).pass, weight});
  }
  const Tensor before = device.centres.clone();
  cuda::walk_update(passes, device.centres, velocity, step);
  walk_update(host_passes, host.centres, host_velocity, step);
  EXPECT(near(device.centres - before, host.centres - before, precision.value));
  if (step.momentum != 0) EXPECT(near(velocity - 0.01, host_velocity - 0.01, precision.value));
  // Rows that nobody walked stay to the bit.
  Tensor untouched = at::ones({classes}, at::kBool);
  for (const Tensor& rows : rows_of_passes)
    untouched.index_fill_(0, rows.defined() ? rows : at::arange(classes), false);
  EXPECT(at::equal(device.centres.index({untouched}), before.index({untouched})));
}

TEST("the update on a device is the CPU's: one pass and several, of all classes and of samples of them") {
  const ClassSampler sampler(0.3, 5, 0);
  const Tensor labels = problem().labels;
  const Tensor first = sampler.draw(0, labels, 0, classes);
  const Tensor second = sampler.draw(1, labels, 0, classes);
  const SgdOptions step{0.1, 0.9, 5e-4, false};
  for (const std::vector<Tensor>& rows : std::vector<std::vector<Tensor>>{
           {Tensor(), Tensor()}, {first}, {first, first}, {first, Tensor(), second}}) {
    compare_updates(rows, precisions[0], step);
  }
  compare_updates({Tensor()}, precisions[0], {0.1, 0, 0, false});
  // Each thread of a kernel is one of the system here: the narrow precisions try what differs between them.
  for (size_t narrow : {1, 2}) compare_updates({first, second}, precisions[narrow], step);
}

TEST("a label outside all classes makes the loss on a device no number, and touches no memory") {
  Problem p = problem();
  p.labels[3] = classes + 5;
  p.labels[4] = -1;
  EXPECT(std::isnan(on_device(p, {}).loss.item<double>()));
}

}  // namespace
