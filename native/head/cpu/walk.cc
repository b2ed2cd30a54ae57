#include "head/walk.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <type_traits>

#include "head/cpu/block_walk.h"
#include "kernels/class_keys.h"
#include "kernels/cpu/samples.h"
#include "runtime/error.h"

namespace kappa::cpu {
namespace {

using at::BFloat16;
using at::Tensor;

// What a step may keep where nobody says otherwise: with its scratch it stays below 64 MB on a few threads.
constexpr int64_t most_kept = int64_t{46} << 20;

template <class T>
at::TensorOptions options_of() {
  return at::dtype(c10::CppTypeToScalarType<T>::value);
}

std::vector<WalkState::Target> sorted_targets(const Tensor& targets_B) {
  std::vector<WalkState::Target> targets;
  const int64_t* rows = targets_B.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < targets_B.size(0); ++i) {
    if (rows[i] >= 0) targets.push_back({rows[i], i});
  }
  std::sort(targets.begin(), targets.end(), [](const auto& a, const auto& b) {
    return a.row != b.row ? a.row < b.row : a.sample < b.sample;
  });
  return targets;
}

/// How many blocks each thread keeps.
int64_t blocks_within(int64_t budget, int64_t block_bytes, int64_t threads, int64_t blocks) {
  const int64_t most = (blocks + threads - 1) / threads;
  return std::clamp<int64_t>(budget / (block_bytes * threads), 0, most);
}

/// A walk on the CPU; the update reaches its state.
class CpuWalk : public Walk {
 public:
  CpuWalk(const ClassShard& shard, const WalkBatch& batch, const MarginSoftmaxOptions& options,
          const std::shared_ptr<Workspace>& workspace)
      : centres_CD_(shard.centres_CD) {
    state.options = options;
    state.units_BD = batch.units_BD;
    state.rows = shard.rows;
    state.classes = shard.count();
    state.targets = sorted_targets(batch.targets_B);
    state.threads = threads_for(blocks_of(state.classes));
    state.workspace = workspace;
  }
  ~CpuWalk() override {
    if (state.kept.defined()) state.workspace->give_back(std::move(state.kept));
  }
  int64_t kept_bytes() const override { return state.kept.defined() ? state.kept.numel() : 0; }

  WalkState state;

 protected:
  Tensor centres_CD_;  // until the forward walk is done
};

template <class T, class P>
class TypedWalk : public CpuWalk {
 public:
  using CpuWalk::CpuWalk;

  Tensor maxima(const Tensor& floor_B) override {
    BlockWalk<T, P> walk = prepared();
    const int64_t batch = walk.batch();
    const T* floor = floor_B.const_data_ptr<T>();
    Tensor largest = at::empty({state.threads, batch}, options_of<T>());
    on_threads(state.threads, [&](int64_t thread) {
      T* mine = largest.data_ptr<T>() + thread * batch;
      std::copy_n(floor, batch, mine);
      const BlockRange range = blocks_of_thread(thread, state.threads, walk.blocks());
      for (int64_t block = range.first; block < range.last; ++block) walk.maxima(thread, block, mine);
    });
    return largest.amax({0});
  }

  Tensor forward(const Tensor& references_B, const SoftmaxWishes& wishes, Tensor& sums_B) override {
    state.references_B = references_B;
    BlockWalk<T, P> walk = prepared();
    const int64_t batch = walk.batch();
    const int64_t dim = walk.dim();
    std::vector<T*> outputs;
    std::vector<double*> sums;
    for (int64_t thread = 0; thread < state.threads; ++thread) {
      sums.push_back(walk.template take<double>(batch));
      if (wishes.embeddings_gradient) outputs.push_back(walk.template take<T>(batch * dim));
    }
    if (wishes.centres_update) keep(walk);
    on_threads(state.threads, [&](int64_t thread) {
      T* output = outputs.empty() ? nullptr : outputs[static_cast<size_t>(thread)];
      double* sum = sums[static_cast<size_t>(thread)];
      std::fill_n(sum, batch, 0.0);
      if (output != nullptr) std::fill_n(output, batch * dim, T(0));
      const BlockRange range = blocks_of_thread(thread, state.threads, walk.blocks());
      for (int64_t block = range.first; block < range.last; ++block) walk.forward(thread, block, sum, output);
    });
    centres_CD_ = Tensor();
    sum_parts(sums, sums_B);
    if (outputs.empty()) return {};
    Tensor outputs_BD = at::empty({batch, dim}, options_of<T>());
    sum_parts(outputs, outputs_BD);
    return outputs_BD;
  }

 private:
  BlockWalk<T, P> prepared() const {
    BlockWalk<T, P> walk(state, centres_CD_.const_data_ptr<T>());
    walk.prepare(state.threads, false);
    walk.prepare_logits();
    return walk;
  }

  void keep(const BlockWalk<T, P>& walk) {
    const int64_t bytes = walk.kept_block_bytes();
    state.kept_blocks = blocks_within(state.options.budget, bytes, state.threads, walk.blocks());
    if (state.kept_blocks == 0) return;
    state.kept = state.workspace->borrow(static_cast<size_t>(state.kept_blocks * state.threads * bytes));
  }

  /// The sum of what the threads found.
  template <class E>
  static void sum_parts(const std::vector<E*>& parts, Tensor& total) {
    E* out = total.template data_ptr<E>();
    constexpr int64_t grain = 4096;
    parallel_for(0, total.numel(), grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        double sum = 0;
        for (const E* part : parts) sum += static_cast<double>(part[i]);
        out[i] = static_cast<E>(sum);
      }
    });
  }
};

const WalkState& state_of(const GradientTerm& term) { return static_cast<const CpuWalk&>(*term.walk).state; }

/// Walks the blocks with the gradient by their unit centres: `sink(row of the centres, gradient (D))`.
template <class T, class P, class Sink>
void walk_rows(const std::vector<GradientTerm>& terms, const Tensor& centres_CD, const Sink& sink) {
  const T* centres = centres_CD.const_data_ptr<T>();
  const WalkState& first = state_of(terms.front());
  const int64_t threads = threads_for(blocks_of(first.classes));
  std::vector<BlockWalk<T, P>> walks;
  size_t slot = 0;
  for (const GradientTerm& term : terms) {
    walks.emplace_back(state_of(term), centres, slot);
    walks.back().prepare(threads, true);
    if (!walks.back().keeps_all()) walks.back().prepare_logits();
    walks.back().prepare_gradients(term.shares_B, term.target_gradients_B, term.factor);
    slot = walks.back().next_slot();
  }
  const int64_t blocks = walks.front().blocks();
  const int64_t dim = walks.front().dim();
  on_threads(threads, [&](int64_t thread) {
    T* gradients = walks.front().gradient_scratch(thread);
    const BlockRange range = blocks_of_thread(thread, threads, blocks);
    for (int64_t block = range.first; block < range.last; ++block) {
      for (size_t i = 0; i < walks.size(); ++i) walks[i].gradients(thread, block, gradients, i > 0);
      const int64_t rows = walks.front().rows_of_block(block);
      for (int64_t r = 0; r < rows; ++r) sink(walks.front().row_of(block, r), gradients + r * dim);
    }
  });
}

/// Terms of different rows: their gradients meet in a matrix of the rows they cover.
template <class T, class P, class Sink>
void walk_united_rows(const std::vector<GradientTerm>& terms, const Tensor& centres_CD, const Sink& sink) {
  const Tensor united = united_rows(terms, centres_CD);
  const int64_t count = united.size(0);
  const int64_t dim = centres_CD.size(1);
  const auto* rows = united.const_data_ptr<int64_t>();
  Tensor gradients_UD = at::zeros({count, dim}, options_of<T>());
  T* gradients = gradients_UD.data_ptr<T>();
  for (const GradientTerm& term : terms) {
    walk_rows<T, P>({term}, centres_CD, [&](int64_t row, const T* unit_gradient) {
      T* sum = gradients + (std::lower_bound(rows, rows + count, row) - rows) * dim;
      for (int64_t d = 0; d < dim; ++d) sum[d] += unit_gradient[d];
    });
  }
  parallel_for(0, count, block_rows, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) sink(rows[i], gradients + i * dim);
  });
}

/// Calls `body(computing type, type of the products)`.
template <class F>
auto dispatch(at::ScalarType dtype, Precision precision, const F& body) {
  if (dtype == at::kDouble) return body(double{}, double{});
  if (precision == Precision::bfloat16) return body(float{}, BFloat16{});
  return body(float{}, float{});
}

std::shared_ptr<Walk> begin_walk(const ClassShard& shard, const WalkBatch& batch,
                                 const MarginSoftmaxOptions& options,
                                 const std::shared_ptr<Workspace>& workspace) {
  return dispatch(shard.centres_CD.scalar_type(), options.precision,
                  [&](auto compute, auto product) -> std::shared_ptr<Walk> {
                    return std::make_shared<TypedWalk<decltype(compute), decltype(product)>>(
                        shard, batch, options, workspace);
                  });
}

void gradient(const std::vector<GradientTerm>& terms, const Tensor& centres_CD, Tensor& gradient_CD) {
  dispatch(centres_CD.scalar_type(), state_of(terms.front()).options.precision,
           [&](auto compute, auto product) {
             using T = decltype(compute);
             const int64_t dim = centres_CD.size(1);
             const T* centres = centres_CD.const_data_ptr<T>();
             T* out = gradient_CD.data_ptr<T>();
             walk_rows<T, decltype(product)>(terms, centres_CD, [&](int64_t row, const T* unit_gradient) {
               row_gradient(unit_gradient, centres + row * dim, dim, out + row * dim);
             });
           });
}

void update(const std::vector<GradientTerm>& terms, const Tensor& centres_CD, const Tensor& velocity_CD,
            const SgdOptions& step, const Tensor& found_inf, const std::shared_ptr<Workspace>&) {
  if (found_inf.defined() && *found_inf.const_data_ptr<float>() != 0) return;
  dispatch(centres_CD.scalar_type(), state_of(terms.front()).options.precision,
           [&](auto compute, auto product) {
             using T = decltype(compute);
             using P = decltype(product);
             const int64_t dim = centres_CD.size(1);
             T* centres = centres_CD.data_ptr<T>();
             T* velocities = step.momentum != 0 ? velocity_CD.data_ptr<T>() : nullptr;
             const RowStep<T> options{static_cast<T>(step.lr), static_cast<T>(step.momentum),
                                      static_cast<T>(step.weight_decay), step.nesterov};
             const auto move = [&](int64_t row, const T* unit_gradient) {
               T* velocity = velocities != nullptr ? velocities + row * dim : nullptr;
               step_row(unit_gradient, centres + row * dim, velocity, dim, options);
             };
             if (same_rows(terms)) {
               walk_rows<T, P>(terms, centres_CD, move);
             } else {
               walk_united_rows<T, P>(terms, centres_CD, move);
             }
           });
}

const HeadDevice device{begin_walk,
                        gradient,
                        update,
                        [](Workspace&) { return most_kept; },
                        &sample_kernels<float>(),
                        &sample_kernels<double>(),
                        [](uint64_t draw, int64_t count, int64_t* keys) {
                          for (int64_t row = 0; row < count; ++row) keys[row] = class_key(draw, row);
                        },
                        [] { return KernelStream{}; }};
[[maybe_unused]] const bool registered = (register_head_device(at::kCPU, &device), true);

}  // namespace
}  // namespace kappa::cpu
