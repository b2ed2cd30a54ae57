#include "optim/decision.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "optim/clipping.h"
#include "optim/loss_scaling.h"
#include "optim/sgd.h"
#include "runtime/error.h"
#include "test/test.h"

namespace {

using at::Tensor;
using kappa::note_not_finite;

constexpr double infinity = std::numeric_limits<double>::infinity();

Tensor with_gradient(const Tensor& gradient) {
  Tensor parameter = at::ones_like(gradient);
  parameter.set_requires_grad(true);
  parameter.mutable_grad() = gradient;
  return parameter;
}

Tensor nothing_found() { return at::zeros({1}); }

TEST("what is not finite is counted, in any type and shape") {
  const Tensor found = nothing_found();
  note_not_finite(found, {at::ones({}), at::ones({2, 3}, at::kDouble), at::ones({2}, at::kHalf)});
  EXPECT(found.item<float>() == 0);
  note_not_finite(found, {at::tensor({1.0, infinity, -infinity, std::nan("")}), at::full({}, infinity)});
  EXPECT(found.item<float>() == 4);
  EXPECT_ERROR(note_not_finite(at::zeros({2}), {}), "ERR_SHAPE");
  EXPECT_ERROR(note_not_finite(at::zeros({1}, at::kDouble), {}), "ERR_DTYPE");
}

TEST(
    "a step moves nothing where anything was found, however much, and else what it moves without being "
    "told") {
  for (const double momentum : {0.0, 0.9}) {
    for (const double count : {0.0, 1.0, 2.0, 7.0}) {
      at::manual_seed(1);
      const Tensor gradient = at::randn({5, 3});
      const Tensor told = with_gradient(gradient);
      const Tensor alone = with_gradient(gradient);
      const Tensor velocity = at::randn({5, 3});
      const Tensor velocity_told = velocity.clone();
      const Tensor velocity_alone = velocity.clone();
      const kappa::SgdOptions options{0.1, momentum, 5e-4, false};
      kappa::sgd_step({told}, {velocity_told}, options, at::full({1}, count, at::kFloat));
      kappa::sgd_step({alone}, {velocity_alone}, options);
      EXPECT(at::equal(told, count == 0 ? alone : at::ones({5, 3})));
      EXPECT(at::equal(velocity_told, count == 0 ? velocity_alone : velocity));
    }
  }
}

TEST("clipping multiplies by the factor that it is, bit for bit, and leaves small and endless norms alone") {
  at::manual_seed(2);
  for (const double max_norm : {1e-3, 0.7, 2.0, 1e6}) {
    for (const double poison : {0.0, infinity, std::nan("")}) {
      std::vector<Tensor> gradients = {at::randn({40, 3}), at::randn({7}).add_(poison), at::randn({})};
      std::vector<Tensor> parameters;
      std::vector<Tensor> before;
      for (const Tensor& gradient : gradients) {
        parameters.push_back(with_gradient(gradient));
        before.push_back(gradient.clone());
      }
      const double expected = at::stack(at::_foreach_norm(before, 2)).to(at::kDouble).norm().item<double>();
      const double norm = kappa::clip_gradients(parameters, max_norm).item<double>();
      EXPECT(norm == expected || (std::isnan(norm) && std::isnan(expected)));
      const bool is_clipped = std::isfinite(expected) && expected > max_norm;
      for (size_t i = 0; i < gradients.size(); ++i) {
        const Tensor wanted = is_clipped ? before[i] * (max_norm / (expected + 1e-6)) : before[i];
        EXPECT(at::allclose(gradients[i], wanted, 0, 0, /*equal_nan=*/true));
      }
    }
  }
  EXPECT(kappa::clip_gradients({at::ones({2})}, 1).item<double>() == 0);
  EXPECT_ERROR(kappa::clip_gradients({}, 0), "ERR_ARGUMENT");
}

TEST("unscaling divides, and finds what is not finite in any of the gradients") {
  const Tensor a = with_gradient(at::full({3}, 8.0));
  const Tensor b = with_gradient(at::full({2}, -4.0));
  const Tensor found = nothing_found();
  kappa::unscale_gradients({a, b, at::ones({1})}, 16, found);
  EXPECT(at::equal(a.grad(), at::full({3}, 0.5)) && at::equal(b.grad(), at::full({2}, -0.25)));
  EXPECT(found.item<float>() == 0);
  b.mutable_grad()[1] = infinity;
  kappa::unscale_gradients({a, b}, 16, found);
  EXPECT(found.item<float>() != 0);
  EXPECT_ERROR(kappa::unscale_gradients({a}, 0, found), "ERR_ARGUMENT");
}

TEST("numbers of any type are read together, in their order") {
  const auto numbers = kappa::read_numbers(
      {at::full({}, 1.5), at::full({1, 1}, 0.1, at::kDouble), at::full({1}, 7, at::kLong)});
  EXPECT((numbers == std::vector<double>{1.5, 0.1, 7}));
  EXPECT(kappa::read_numbers({}).empty());
  EXPECT_ERROR(kappa::read_numbers({at::ones({2})}), "ERR_SHAPE");
}

}  // namespace
