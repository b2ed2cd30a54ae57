// The walk over centres on a CUDA device, from the very source of the addon, executed on the CPU: tensors are
// CPU tensors, cuBLAS is LibTorch's product, kernels run as in kernels/cuda/head_test.cc.
#define KAPPA_BLOCK_COLUMNS 96  // several blocks, the last one ragged
#define KAPPA_CHUNK_COLUMNS 24  // as in head_test.cc, which the kernels are in
#include "head/cuda/walk.cc"

#include <cmath>

#include "head/margin_softmax.h"
#include "head/partial_fc.h"
#include "head/softmax.h"
#include "test/test.h"

namespace kappa::cuda {

template <class L>
void product(int64_t m, int64_t n, int64_t k, const Matrix<L>& a, const Matrix<L>& b, bool accumulate,
             float* result, int64_t result_stride) {
  const auto type = std::is_same_v<L, float>  ? at::kFloat
                    : std::is_same_v<L, Half> ? at::kHalf
                                              : at::kBFloat16;
  const auto matrix = [&](const Matrix<L>& x, int64_t rows, int64_t columns) {
    const std::vector<int64_t> strides =
        x.transposed ? std::vector<int64_t>{1, x.stride} : std::vector<int64_t>{x.stride, 1};
    return at::from_blob(const_cast<L*>(x.data), {rows, columns}, strides, type).to(at::kFloat);
  };
  at::Tensor out = at::from_blob(result, {m, n}, {result_stride, 1}, at::kFloat);
  const at::Tensor whole = at::mm(matrix(a, m, k), matrix(b, k, n));
  if (accumulate) {
    out.add_(whole);
  } else {
    out.copy_(whole);
  }
}
template void product<float>(int64_t, int64_t, int64_t, const Matrix<float>&, const Matrix<float>&, bool,
                             float*, int64_t);
template void product<Half>(int64_t, int64_t, int64_t, const Matrix<Half>&, const Matrix<Half>&, bool, float*,
                            int64_t);
template void product<BFloat16>(int64_t, int64_t, int64_t, const Matrix<BFloat16>&, const Matrix<BFloat16>&,
                                bool, float*, int64_t);
int64_t free_memory() { return int64_t{1} << 30; }
cudaStream_t current_stream() { return nullptr; }

}  // namespace kappa::cuda

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

SoftmaxResult on_device(const Problem& p, const MarginSoftmaxOptions& options, const Tensor& rows = {},
                        const std::shared_ptr<Workspace>& workspace = std::make_shared<Workspace>()) {
  return softmax_forward(p.embeddings, {p.centres, rows}, p.labels, {p.margins}, options, {}, workspace,
                         nullptr, &cuda::device);
}
SoftmaxResult on_cpu(const Problem& p, const MarginSoftmaxOptions& options, const Tensor& rows = {}) {
  return softmax_forward(p.embeddings, {p.centres, rows}, p.labels, {p.margins}, options, {},
                         std::make_shared<Workspace>());
}

TEST("the walk on a device gives the CPU walk's loss and gradients, whatever it keeps, to the same bits") {
  const Problem p = problem();
  for (const auto& [precision, tolerance] : precisions) {
    Tensor first_gradient;
    // Nothing, one block of three, everything.
    for (const int64_t budget : {int64_t{0}, int64_t{4} * batch * 96, int64_t{46} << 20}) {
      MarginSoftmaxOptions options;
      const SoftmaxResult expected = on_cpu(p, options);
      options.precision = precision;
      options.budget = budget;
      const SoftmaxResult actual = on_device(p, options);
      EXPECT(near(actual.loss, expected.loss, tolerance));
      EXPECT(near(actual.target_cosines_B, expected.target_cosines_B, 1e-4));
      EXPECT(near(actual.embeddings_gradient_BD, expected.embeddings_gradient_BD, tolerance));
      EXPECT((actual.pass->walk->kept_bytes() > 0) == (budget > 0));
      Tensor gradient = at::empty_like(p.centres);
      Tensor expected_gradient = at::empty_like(p.centres);
      // Half of the weight lives on the device.
      softmax_gradient({{actual.pass, 0.5, at::full({}, 2.0f)}}, p.centres, gradient, &cuda::device);
      softmax_gradient({{expected.pass, 1}}, p.centres, expected_gradient);
      EXPECT(near(gradient, expected_gradient, tolerance));
      if (!first_gradient.defined()) first_gradient = gradient;
      EXPECT(at::equal(gradient, first_gradient));
    }
  }
}

TEST("logits are float32 in every precision: a loss on a device is as near as units in that type allow") {
  const Problem p = problem();
  MarginSoftmaxOptions options;
  const double exact = on_cpu(p, options).loss.item<double>();
  for (const auto& [precision, bound] :
       std::vector<Tolerance>{{Precision::float16, 1e-3}, {Precision::bfloat16, 8e-3}}) {
    options.precision = precision;
    EXPECT(std::fabs(on_device(p, options).loss.item<double>() - exact) < bound * exact);
  }
}

TEST("scales above 64 are met by a walk for the maximum on a device, too") {
  const Problem p = problem();
  MarginSoftmaxOptions options;
  options.scale = 300;
  const SoftmaxResult expected = on_cpu(p, options);
  const SoftmaxResult actual = on_device(p, options);
  EXPECT(near(actual.loss, expected.loss, 1e-4));
  EXPECT(near(actual.embeddings_gradient_BD, expected.embeddings_gradient_BD, 1e-3));
}

TEST("the loss scale never enters a half-precision operand: 2^21 and 2^24 change nothing, in any precision") {
  const ClassSampler sampler(0.3, 5);
  const Problem p = problem();
  const Tensor drawn = sampler.draw(0, p.labels, {0, classes, classes}, at::kCPU);
  const SgdOptions step{0.1, 0.9, 5e-4, false};
  for (const auto& [precision, tolerance] : precisions) {
    for (const int64_t budget : {int64_t{0}, int64_t{46} << 20}) {
      for (const Tensor& rows : {Tensor(), drawn}) {
        MarginSoftmaxOptions options;
        options.precision = precision;
        options.budget = budget;
        std::vector<Tensor> results;
        for (const double loss_scale : {1.0, 2097152.0, 16777216.0}) {
          const auto workspace = std::make_shared<Workspace>();
          Problem moved = problem();
          Tensor velocity = at::zeros_like(moved.centres);
          // Two passes under accumulation; the scaler's factor comes from above, and goes by `unscale`.
          std::vector<WeightedPass> passes;
          for (const double share : {0.25, 0.75}) {
            const SoftmaxResult result = on_device(moved, options, rows, workspace);
            EXPECT(result.pass->not_finite().item<float>() == 0);
            passes.push_back({result.pass, share / loss_scale, at::full({}, static_cast<float>(loss_scale))});
          }
          softmax_update(passes, moved.centres, velocity, step, at::zeros({1}), workspace, &cuda::device);
          results.push_back(moved.centres);
        }
        EXPECT(!at::equal(results[0], p.centres));
        // A power of two is exact.
        for (size_t i = 1; i < results.size(); ++i) EXPECT(at::equal(results[i], results[0]));
      }
    }
  }
}

TEST("the unit centres that a device keeps are those of the centres, whoever moves them") {
  Problem p = problem();
  MarginSoftmaxOptions options;
  options.precision = Precision::bfloat16;
  const auto workspace = std::make_shared<Workspace>();
  const ClassSampler sampler(0.3, 5);
  Tensor velocity = at::zeros_like(p.centres);
  const auto update = [&](const Tensor& rows) {
    const auto result = on_device(p, options, rows, workspace);
    softmax_update({{result.pass, 1}}, p.centres, velocity, {10, 0.9, 0, false}, {}, workspace,
                   &cuda::device);
  };
  const auto expect_fresh = [&] {
    const SoftmaxResult fresh = on_device(p, options);
    EXPECT(on_device(p, options, {}, workspace).loss.item<float>() == fresh.loss.item<float>());
  };
  update({});
  const Tensor kept = workspace->unit_centres.units;
  expect_fresh();
  update(sampler.draw(0, p.labels, {0, classes, classes}, at::kCPU));
  expect_fresh();
  p.centres.mul_(-1);
  expect_fresh();
  // The optimizer's fused step, which LibTorch does not count as a change.
  p.centres.mutable_grad() = at::randn_like(p.centres);
  sgd_step({p.centres}, {velocity}, {10, 0.9, 0, false}, {});
  expect_fresh();
  EXPECT(kept.data_ptr() == workspace->unit_centres.units.data_ptr());
}

/// Both walks' updates by the same passes; the rows of each pass, undefined for all classes.
void compare_updates(const std::vector<Tensor>& rows_of_passes, const Tolerance& precision,
                     const SgdOptions& step) {
  Problem device = problem();
  Problem host = problem();
  Tensor velocity = at::full_like(device.centres, 0.01);
  Tensor host_velocity = velocity.clone();
  std::vector<WeightedPass> passes, host_passes;
  const auto workspace = std::make_shared<Workspace>();
  MarginSoftmaxOptions options;
  for (size_t i = 0; i < rows_of_passes.size(); ++i) {
    const double weight = 0.3 + static_cast<double>(i);
    options.precision = Precision::float32;
    host_passes.push_back({on_cpu(host, options, rows_of_passes[i]).pass, weight});
    options.precision = precision.precision;
    passes.push_back({on_device(device, options, rows_of_passes[i], workspace).pass, weight});
  }
  const Tensor before = device.centres.clone();
  softmax_update(passes, device.centres, velocity, step, {}, workspace, &cuda::device);
  softmax_update(host_passes, host.centres, host_velocity, step, {}, std::make_shared<Workspace>());
  EXPECT(near(device.centres - before, host.centres - before, precision.value));
  if (step.momentum != 0) EXPECT(near(velocity - 0.01, host_velocity - 0.01, precision.value));
  // Rows that nobody walked stay to the bit.
  Tensor untouched = at::ones({classes}, at::kBool);
  for (const Tensor& rows : rows_of_passes)
    untouched.index_fill_(0, rows.defined() ? rows : at::arange(classes), false);
  EXPECT(at::equal(device.centres.index({untouched}), before.index({untouched})));
}

TEST("the update on a device is the CPU's: one pass and several, of all classes and of samples of them") {
  const ClassSampler sampler(0.3, 5);
  const Tensor labels = problem().labels;
  const Tensor first = sampler.draw(0, labels, {0, classes, classes}, at::kCPU);
  const Tensor second = sampler.draw(1, labels, {0, classes, classes}, at::kCPU);
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

TEST("a device draws the classes that the CPU draws") {
  const Problem p = problem();
  for (int64_t count : {1, 37, 1000}) {
    std::vector<int64_t> keys(static_cast<size_t>(count)), expected(keys);
    cuda::device.class_keys(12345, count, keys.data());
    head_device(at::kCPU).class_keys(12345, count, expected.data());
    EXPECT(keys == expected);
  }
}

}  // namespace
