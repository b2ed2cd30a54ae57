#include "head/softmax.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>

#include <atomic>
#include <cmath>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <tuple>

#include "head/partial_fc.h"
#include "test/test.h"
#include "test/thread_group.h"

namespace {

using at::Tensor;
using namespace kappa;

/// A problem in float64, and the same numbers in other precisions.
struct Problem {
  Tensor embeddings;
  Tensor centres;
  Tensor labels;
  Tensor margins;
};

Problem problem(int64_t batch, int64_t classes, int64_t dim, uint64_t seed = 1) {
  at::manual_seed(seed);
  Problem p;
  p.embeddings = at::randn({batch, dim}, at::kDouble) * 3;
  p.centres = at::randn({classes, dim}, at::kDouble) * 0.02;
  p.labels = at::randint(classes, {batch}, at::kLong);
  // Some samples near their centres, one on it and one opposite to it.
  for (int64_t i = 0; i < batch; ++i) {
    const double pull = i % 4 == 0 ? 0.0 : (i % 4 == 1 ? 100.0 : (i % 4 == 2 ? 1e4 : -1e4));
    p.embeddings[i] += p.centres[p.labels[i].item<int64_t>()] * pull;
  }
  p.margins = at::rand({classes}, at::kDouble) * 0.8;
  return p;
}

Problem cast(const Problem& p, at::ScalarType dtype) {
  return {p.embeddings.to(dtype), p.centres.to(dtype), p.labels, p.margins.to(dtype)};
}

struct Expected {
  double loss;
  Tensor embeddings_gradient;
  Tensor centres_gradient;
};

/// The same by LibTorch's operations in float64, with the matrix of logits.
Expected reference(const Problem& p, const MarginSoftmaxOptions& options) {
  const int64_t batch = p.embeddings.size(0);
  auto unit = [](const Tensor& rows) {
    const Tensor length = rows.norm(2, {1}, true);
    return std::tuple{rows / length, length};
  };
  const auto [z, z_length] = unit(p.embeddings);
  const auto [w, w_length] = unit(p.centres);
  Tensor cosines = z.matmul(w.t()).clamp(-1, 1);
  Tensor logits = cosines.clone();
  Tensor derivative = at::ones_like(cosines);
  if (options.filter_threshold < 1) {
    const Tensor filtered = cosines > options.filter_threshold;
    logits.masked_fill_(filtered, 0);
    derivative.masked_fill_(filtered, 0);
  }
  for (int64_t i = 0; i < batch; ++i) {
    const int64_t label = p.labels[i].item<int64_t>();
    const auto logit = target_logit<double>(cosines[i][label].item<double>(), p.margins[label].item<double>(),
                                            options.margin);
    logits[i][label] = logit.value;
    derivative[i][label] = logit.derivative;
  }
  logits *= options.scale;
  const Tensor log_p = logits.log_softmax(1);
  const Tensor picked = log_p.gather(1, p.labels.unsqueeze(1));
  Tensor gradient = log_p.exp();
  gradient.scatter_add_(1, p.labels.unsqueeze(1), at::full_like(picked, -1));
  gradient = gradient * derivative * (options.scale / static_cast<double>(batch));
  auto through = [](const Tensor& g, const Tensor& u, const Tensor& length) {
    return (g - u * (g * u).sum({1}, true)) / length;
  };
  return {-picked.mean().item<double>(), through(gradient.matmul(w), z, z_length),
          through(gradient.t().matmul(z), w, w_length)};
}

struct Actual {
  double loss;
  Tensor embeddings_gradient;
  Tensor centres_gradient;
  int64_t kept_bytes;
  Tensor target_cosines;
};

Actual run(const Problem& p, const MarginSoftmaxOptions& options, const Tensor& rows = {}) {
  auto workspace = std::make_shared<Workspace>();
  const auto result =
      softmax_forward(p.embeddings, {p.centres, rows}, p.labels, {p.margins}, options, {}, workspace);
  Tensor gradient = at::zeros_like(p.centres);
  softmax_gradient({{result.pass, 1}}, p.centres, gradient);
  return {result.loss.item<double>(), result.embeddings_gradient_BD, gradient,
          result.pass->walk->kept_bytes(), result.target_cosines_B};
}

/// Relative distance; gradients that all but vanish count by their absolute one.
double distance(const Tensor& a, const Tensor& b) {
  const Tensor x = a.to(at::kDouble);
  const Tensor y = b.to(at::kDouble);
  return ((x - y).norm() / y.norm().clamp_min(1e-3)).item<double>();
}

void expect_close(const Actual& actual, const Expected& expected, double tolerance, const std::string& what) {
  const double loss = std::fabs(actual.loss - expected.loss) / std::fmax(1e-3, std::fabs(expected.loss));
  const double embeddings = distance(actual.embeddings_gradient, expected.embeddings_gradient);
  const double centres = distance(actual.centres_gradient, expected.centres_gradient);
  if (!(loss < tolerance && embeddings < tolerance && centres < tolerance)) {
    kappa::test::fail(__FILE__, __LINE__,
                      what + ": loss " + std::to_string(loss) + ", embeddings " + std::to_string(embeddings) +
                          ", centres " + std::to_string(centres));
  }
}

struct Size {
  int64_t batch, classes, dim;
};
const Size sizes[] = {{1, 1, 1},    {1, 2, 3},     {3, 1, 8},      {7, 127, 5},
                      {8, 128, 16}, {13, 300, 33}, {32, 1000, 64}, {129, 517, 17}};

TEST("the walk gives loss and gradients of the whole logits matrix, at ragged sizes") {
  for (const Size& size : sizes) {
    const Problem p = problem(size.batch, size.classes, size.dim);
    const std::string name =
        std::to_string(size.batch) + " x " + std::to_string(size.classes) + " x " + std::to_string(size.dim);
    const MarginSoftmaxOptions options;
    const Expected expected = reference(p, options);
    if (size.dim > 1 && size.classes > 1) {
      expect_close(run(p, options), expected, 1e-10, "float64 " + name);
      expect_close(run(cast(p, at::kFloat), options),
                   reference(cast(cast(p, at::kFloat), at::kDouble), options), 1e-4, "float32 " + name);
    }
    // One dimension or one class: gradients are zero or nearly so; finite must do.
    const Actual narrow = run(cast(p, at::kFloat), options);
    EXPECT(std::isfinite(narrow.loss) &&
           std::fabs(narrow.loss - expected.loss) < 1e-3 * std::fmax(1, expected.loss));
    EXPECT(narrow.centres_gradient.isfinite().all().item<bool>());
  }
}

TEST("every margin function and inter-class filtering pass through the walk") {
  const Problem p = problem(24, 400, 24);
  for (MarginKind kind : {MarginKind::angular, MarginKind::cosine, MarginKind::combined}) {
    for (BeyondPi beyond : {BeyondPi::none, BeyondPi::extend}) {
      for (double filter : {1.0, 0.3}) {
        for (double m1 : {1.0, 1.3}) {
          MarginSoftmaxOptions options;
          options.margin = {kind, beyond, m1, 0.1};
          options.filter_threshold = filter;
          expect_close(run(p, options), reference(p, options), 1e-9, "float64");
          const Problem single = cast(p, at::kFloat);
          expect_close(run(single, options), reference(cast(single, at::kDouble), options), 1e-4, "float32");
        }
      }
    }
  }
}

TEST("bfloat16 products stay near the exact gradients") {
  for (const Size& size : {Size{7, 127, 5}, Size{32, 1000, 64}, Size{129, 517, 128}}) {
    const Problem p = problem(size.batch, size.classes, size.dim);
    MarginSoftmaxOptions options;
    options.precision = Precision::bfloat16;
    const Expected expected = reference(p, options);
    expect_close(run(cast(p, at::kFloat), options), expected, 0.03, "bfloat16");
  }
}

TEST("at a million classes float32 and bfloat16 stay within their documented bounds") {
  const Problem p = problem(8, 1000000, 16);
  const MarginSoftmaxOptions options;
  const Expected expected = reference(p, options);
  const Problem single = cast(p, at::kFloat);
  const Actual exact = run(single, options);
  expect_close(exact, expected, 1e-4, "float32, a million classes");
  EXPECT(std::fabs(exact.loss - expected.loss) < 1e-5 * expected.loss);
  MarginSoftmaxOptions narrow;
  narrow.precision = Precision::bfloat16;
  const Actual bf16 = run(single, narrow);
  expect_close(bf16, expected, 0.03, "bfloat16, a million classes");
  EXPECT(std::fabs(bf16.loss - expected.loss) < 5e-3 * expected.loss);
}

TEST("what is kept and what is computed again are the same bits") {
  for (bool bf16 : {false, true}) {
    const Problem p = cast(problem(32, 3000, 48), at::kFloat);
    MarginSoftmaxOptions options;
    if (bf16) options.precision = Precision::bfloat16;
    const Actual all = run(p, options);
    options.budget = 0;
    const Actual none = run(p, options);
    options.budget = 150 << 10;
    const Actual some = run(p, options);
    EXPECT(none.kept_bytes == 0 && some.kept_bytes > 0 && some.kept_bytes < all.kept_bytes);
    for (const Actual& other : {none, some}) {
      EXPECT(other.loss == all.loss);
      EXPECT(at::equal(other.embeddings_gradient, all.embeddings_gradient));
      EXPECT(at::equal(other.centres_gradient, all.centres_gradient));
    }
  }
}

TEST("scales that outgrow float32 are met by a walk for the maximum") {
  Problem p = problem(16, 500, 16);
  for (double scale : {65.0, 128.0, 1000.0}) {
    MarginSoftmaxOptions options;
    options.scale = scale;
    const Problem single = cast(p, at::kFloat);
    expect_close(run(single, options), reference(cast(single, at::kDouble), options), 2e-4, "scale");
    expect_close(run(p, options), reference(p, options), 1e-9, "scale, float64");
  }
}

TEST("extreme cosines, equal logits, zero embeddings and zero centres stay finite") {
  for (bool bf16 : {false, true}) {
    for (int variant = 0; variant < 4; ++variant) {
      Problem p = cast(problem(9, 700, 20), at::kFloat);
      if (variant == 0) p.centres.copy_(p.embeddings[0].expand_as(p.centres));
      if (variant == 1) p.centres.copy_(-p.embeddings[0].expand_as(p.centres));
      if (variant == 2) p.embeddings.zero_();
      if (variant == 3) p.centres.zero_();
      MarginSoftmaxOptions options;
      if (bf16) options.precision = Precision::bfloat16;
      const Actual actual = run(p, options);
      EXPECT(std::isfinite(actual.loss));
      EXPECT(actual.embeddings_gradient.isfinite().all().item<bool>());
      EXPECT(actual.centres_gradient.isfinite().all().item<bool>());
      if (variant == 3) EXPECT(actual.centres_gradient.abs().sum().item<double>() == 0);
    }
  }
}

TEST("an update is the gradient and a step of stochastic gradient descent") {
  for (auto [momentum, nesterov] : {std::pair{0.0, false}, std::pair{0.9, false}, std::pair{0.9, true}}) {
    const Problem p = problem(32, 700, 40);
    const MarginSoftmaxOptions options;
    const SgdOptions step{0.1, momentum, 5e-4, nesterov};
    auto workspace = std::make_shared<Workspace>();
    Tensor centres = p.centres.clone();
    Tensor velocity = at::randn_like(centres) * 0.01;
    Tensor expected = p.centres.clone();
    Tensor expected_velocity = velocity.clone();
    for (int i = 0; i < 3; ++i) {
      const auto one =
          softmax_forward(p.embeddings, {centres}, p.labels, {p.margins}, options, {}, workspace);
      const auto two =
          softmax_forward(p.embeddings.slice(0, 0, 5).contiguous(), {centres},
                          p.labels.slice(0, 0, 5).contiguous(), {p.margins}, options, {}, workspace);
      softmax_update({{one.pass, 0.25}, {two.pass, 0.75}}, centres, velocity, step, {}, workspace);
      const Problem current{p.embeddings, expected, p.labels, p.margins};
      const Problem part{p.embeddings.slice(0, 0, 5), expected, p.labels.slice(0, 0, 5), p.margins};
      Tensor gradient = 0.25 * reference(current, options).centres_gradient +
                        0.75 * reference(part, options).centres_gradient + step.weight_decay * expected;
      if (momentum != 0) {
        expected_velocity = momentum * expected_velocity + gradient;
        gradient = nesterov ? gradient + momentum * expected_velocity : expected_velocity;
      }
      expected = expected - step.lr * gradient;
    }
    EXPECT(distance(centres, expected) < 1e-10);
    if (momentum != 0) EXPECT(distance(velocity, expected_velocity) < 1e-10);
  }
}

/// Counts what tensors ask for, and passes it on.
class CountingAllocator : public c10::Allocator {
 public:
  c10::DataPtr allocate(size_t bytes) override {
    asked_ += static_cast<int64_t>(bytes);
    return inner_->allocate(bytes);
  }
  c10::DeleterFnPtr raw_deleter() const override { return inner_->raw_deleter(); }
  void copy_data(void* to, const void* from, size_t bytes) const override {
    default_copy_data(to, from, bytes);
  }
  int64_t count(const std::function<void()>& body) {
    asked_ = 0;
    c10::SetCPUAllocator(this, 100);
    body();
    c10::SetCPUAllocator(inner_, 100);
    return asked_;
  }

 private:
  c10::Allocator* inner_ = c10::GetCPUAllocator();
  std::atomic<int64_t> asked_ = 0;
};

TEST("a step after the first allocates matrices of the batch alone, however many classes") {
  CountingAllocator allocator;
  constexpr int64_t batch = 16;
  constexpr int64_t dim = 32;
  for (Precision precision : {Precision::float32, Precision::bfloat16}) {
    for (int64_t classes : {1000, 30000}) {
      const Problem p = cast(problem(batch, classes, dim), at::kFloat);
      MarginSoftmaxOptions options;
      options.precision = precision;
      options.budget = 2 << 20;
      Tensor velocity = at::zeros_like(p.centres);
      auto workspace = std::make_shared<Workspace>();
      const auto step = [&] {
        const auto result =
            softmax_forward(p.embeddings, {p.centres}, p.labels, {p.margins}, options, {}, workspace);
        softmax_update({{result.pass, 1}}, p.centres, velocity, {0.1, 0.9, 5e-4, false}, {}, workspace);
      };
      EXPECT(allocator.count(step) > 128 * batch);
      EXPECT(allocator.count(step) <= 4 * (3 * batch * dim + 48 * batch));
    }
  }
}

TEST("extra memory is the budget, and a scratch of a stated size for each thread") {
  // Whatever this machine has: so many threads are told.
  const int before = at::get_num_threads();
  CountingAllocator allocator;
  constexpr int64_t batch = 32;
  constexpr int64_t dim = 64;
  const Problem p = cast(problem(batch, 20000, dim), at::kFloat);
  for (Precision precision : {Precision::float32, Precision::bfloat16}) {
    for (int threads : {2, 16, 64}) {
      at::set_num_threads(threads);
      MarginSoftmaxOptions options;
      options.precision = precision;
      options.budget = 1 << 20;
      Tensor velocity = at::zeros_like(p.centres);
      const auto workspace = std::make_shared<Workspace>();
      const int64_t asked = allocator.count([&] {
        const auto result =
            softmax_forward(p.embeddings, {p.centres}, p.labels, {p.margins}, options, {}, workspace);
        EXPECT(result.pass->walk->kept_bytes() <= options.budget);
        softmax_update({{result.pass, 1}}, p.centres, velocity, {0.1, 0.9, 5e-4, false}, {}, workspace);
      });
      // docs/internals/head.md states them.
      const int64_t of_thread = 128 * (12 * batch + 12 * dim + 16) + batch * (4 * dim + 32);
      const int64_t of_batch = 32 * batch * dim + 256 * batch;
      EXPECT(asked <= options.budget + threads * of_thread + of_batch);
      EXPECT(asked > threads * of_thread / 4);
    }
  }
  at::set_num_threads(before);
}

TEST("sampled classes: softmax and update cover these rows alone") {
  const Problem p = problem(20, 900, 24);
  const ClassSampler sampler(0.2, 5);
  const Tensor rows = sampler.draw(3, p.labels, {0, 900, 900}, at::kCPU);
  EXPECT(rows.size(0) == 180);
  const Tensor part = p.centres.index_select(0, rows);
  Tensor local = at::empty_like(p.labels);
  for (int64_t i = 0; i < 20; ++i) {
    local[i] = (rows == p.labels[i]).nonzero()[0][0];
  }
  const MarginSoftmaxOptions options;
  const Expected expected = reference({p.embeddings, part, local, p.margins.index_select(0, rows)}, options);
  const Actual actual = run(p, options, rows);
  EXPECT(std::fabs(actual.loss - expected.loss) < 1e-10);
  EXPECT(distance(actual.embeddings_gradient, expected.embeddings_gradient) < 1e-10);
  EXPECT(distance(actual.centres_gradient.index_select(0, rows), expected.centres_gradient) < 1e-10);
  Tensor centres = p.centres.clone();
  Tensor velocity = at::full_like(centres, 0.5);
  auto workspace = std::make_shared<Workspace>();
  const auto pass =
      softmax_forward(p.embeddings, {centres, rows}, p.labels, {p.margins}, options, {}, workspace).pass;
  softmax_update({{pass, 1}}, centres, velocity, {0.1, 0.9, 5e-4, false}, {}, workspace);
  Tensor untouched = at::ones({900}, at::kBool).index_fill(0, rows, false);
  EXPECT(at::equal(centres.index({untouched}), p.centres.index({untouched})));
  EXPECT((velocity.index({untouched}) == 0.5).all().item<bool>());
  EXPECT((centres.index_select(0, rows) != p.centres.index_select(0, rows)).any(1).all().item<bool>());
}

TEST("passes over different samples are updated together, each row once") {
  const Problem p = problem(20, 900, 24);
  const ClassSampler sampler(0.2, 5);
  const MarginSoftmaxOptions options;
  const SgdOptions step{0.1, 0.9, 5e-4, false};
  auto workspace = std::make_shared<Workspace>();
  Tensor centres = p.centres.clone();
  Tensor velocity = at::full_like(centres, 0.5);
  Tensor gradient = at::zeros_like(centres);
  Tensor covered = at::zeros({900}, at::kBool);
  std::vector<WeightedPass> passes;
  for (int64_t draw = 0; draw < 2; ++draw) {
    const Tensor rows = sampler.draw(draw, p.labels, {0, 900, 900}, at::kCPU);
    passes.push_back(
        {softmax_forward(p.embeddings, {centres, rows}, p.labels, {p.margins}, options, {}, workspace).pass,
         0.5});
    Tensor one = at::zeros_like(centres);
    softmax_gradient({passes.back()}, centres, one);
    gradient += one;
    covered.index_fill_(0, rows, true);
  }
  softmax_update(passes, centres, velocity, step, {}, workspace);
  const Tensor moved = covered.unsqueeze(1);
  const Tensor speed = 0.9 * 0.5 + gradient + 5e-4 * p.centres;
  EXPECT(covered.sum().item<int64_t>() > 200);
  EXPECT(distance(centres, at::where(moved, p.centres - 0.1 * speed, p.centres)) < 1e-12);
  EXPECT(distance(velocity, at::where(moved, speed, at::full_like(speed, 0.5))) < 1e-12);
}

TEST(
    "the sampler keeps every class of the batch, draws by seed and step, alike for any shards, and is fair") {
  const Tensor labels = at::tensor({999, 0, 0, 512}, at::kLong);
  const ClassSampler sampler(0.1, 7);
  const Tensor rows = sampler.draw(0, labels, {0, 1000, 1000}, at::kCPU);
  EXPECT(rows.size(0) == 100);
  for (int64_t label : {0, 512, 999}) EXPECT((rows == label).any().item<bool>());
  EXPECT((rows.diff() > 0).all().item<bool>());
  EXPECT(at::equal(rows, sampler.draw(0, labels, {0, 1000, 1000}, at::kCPU)));
  EXPECT(!at::equal(rows, sampler.draw(1, labels, {0, 1000, 1000}, at::kCPU)));
  EXPECT(!at::equal(rows, ClassSampler(0.1, 8).draw(0, labels, {0, 1000, 1000}, at::kCPU)));
  EXPECT(!ClassSampler(1, 7).draw(0, labels, {0, 1000, 1000}, at::kCPU).defined());
  // Fewer rows than the batch has classes.
  EXPECT(ClassSampler(0.002, 7)
             .draw(0, labels, {0, 1000, 1000}, at::kCPU)
             .equal(at::tensor({0, 512, 999}, at::kLong)));
  // However many shards there are, together they draw the same classes.
  std::vector<Tensor> parts;
  for (int64_t first : {0, 334, 667}) {
    const int64_t classes = first == 0 ? 334 : 333;
    parts.push_back(sampler.draw(0, labels, {first, classes, 1000}, at::kCPU) + first);
  }
  EXPECT(at::equal(at::cat(parts), rows));
  Tensor visits = at::zeros({1000});
  for (int64_t step = 0; step < 2000; ++step)
    visits.index_add_(0, sampler.draw(step, labels, {0, 1000, 1000}, at::kCPU), at::ones({100}));
  Tensor negatives = visits.index_fill(0, at::tensor({0, 512, 999}, at::kLong), 2000.0 * 97 / 997);
  // 2000 draws with chance 0.097: standard deviation 13.2; 997 classes stay within 5 of them.
  EXPECT(((negatives - 2000.0 * 97 / 997).abs() < 5 * 13.3).all().item<bool>());
}

TEST("two shards, each with half of the classes and half of the batch, give what one gives") {
  const Problem p = problem(20, 901, 24);
  const int64_t cuts[] = {0, 451, 901};
  for (double scale : {64.0, 400.0}) {
    for (bool per_sample : {false, true}) {
      MarginSoftmaxOptions options;
      options.scale = scale;
      const Actual whole = run(p, options);
      ThreadGroup group(2);
      struct Part {
        double loss;
        Tensor target_cosines, embeddings_gradient, centres_gradient;
      } parts[2];
      const auto shard = [&](size_t index) {
        ThreadGroup::Member member(group, index);
        const Tensor centres = p.centres.slice(0, cuts[index], cuts[index + 1]).contiguous();
        const Tensor labels = p.labels.chunk(2)[index].contiguous();
        const Margins margins = per_sample ? Margins{p.margins.index_select(0, labels), true}
                                           : Margins{p.margins.slice(0, cuts[index], cuts[index + 1])};
        const auto result =
            softmax_forward(p.embeddings.chunk(2)[index].contiguous(), {centres, {}, cuts[index], 901},
                            labels, margins, options, {}, std::make_shared<Workspace>(), &member);
        Tensor gradient = at::zeros_like(centres);
        softmax_gradient({{result.pass, 1}}, centres, gradient);
        parts[index] = {result.loss.item<double>(), result.target_cosines_B, result.embeddings_gradient_BD,
                        gradient};
      };
      std::thread other([&] { shard(1); });
      shard(0);
      other.join();
      const auto both = [&](Tensor Part::*field) { return at::cat({parts[0].*field, parts[1].*field}); };
      for (const Part& part : parts)
        EXPECT(std::fabs(part.loss - whole.loss) < 1e-10 * std::fmax(1, whole.loss));
      EXPECT(distance(both(&Part::embeddings_gradient), whole.embeddings_gradient) < 1e-10);
      EXPECT(distance(both(&Part::centres_gradient), whole.centres_gradient) < 1e-10);
      EXPECT(distance(both(&Part::target_cosines), whole.target_cosines) < 1e-10);
    }
  }
}

TEST("a step is left out where something was found to be no number, and the centres stay to the bit") {
  const Problem p = cast(problem(12, 300, 16), at::kFloat);
  auto workspace = std::make_shared<Workspace>();
  Tensor centres = p.centres.clone();
  Tensor velocity = at::full_like(centres, 0.25);
  const auto step = [&](const Tensor& found) {
    const auto result = softmax_forward(p.embeddings, {centres}, p.labels, {p.margins}, {}, {}, workspace);
    EXPECT(result.pass->not_finite().item<float>() == 0);
    softmax_update({{result.pass, 1}}, centres, velocity, {0.1, 0.9, 5e-4, false}, found, workspace);
  };
  step(at::ones({1}));
  EXPECT(at::equal(centres, p.centres) && (velocity == 0.25).all().item<bool>());
  step(at::zeros({1}));
  EXPECT(!at::equal(centres, p.centres));
  Tensor broken = p.embeddings.clone();
  broken[3][2] = NAN;
  const auto result = softmax_forward(broken, {centres}, p.labels, {p.margins}, {}, {}, workspace);
  EXPECT(result.pass->not_finite().item<float>() == 1);
}

}  // namespace
