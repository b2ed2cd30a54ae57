#include "head/centre_walk.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "head/block_walk.h"
#include "runtime/error.h"
#ifdef KAPPA_CUDA
#include "head/cuda/walk.h"
#endif

namespace kappa {
namespace {

using at::BFloat16;
using at::Tensor;

/// Largest scale for which the fixed references need no walk for the maximum.
template <class T>
constexpr double widest_scale() {
  return std::is_same_v<T, float> ? 64 : 300;
}

template <class T>
at::TensorOptions options_of() {
  return at::dtype(c10::CppTypeToScalarType<T>::value);
}

/// The embeddings at length 1, in `units`, and their inverse lengths.
template <class T>
std::vector<T> normalize(const Tensor& embeddings_BD, Tensor& units_BD) {
  const int64_t batch = embeddings_BD.size(0);
  const int64_t dim = embeddings_BD.size(1);
  const T* from = embeddings_BD.const_data_ptr<T>();
  T* to = units_BD.data_ptr<T>();
  std::vector<T> inverse(static_cast<size_t>(batch));
  for (int64_t i = 0; i < batch; ++i) {
    double square = 0;
    for (int64_t d = 0; d < dim; ++d) square += static_cast<double>(from[i * dim + d]) * from[i * dim + d];
    const double length = std::sqrt(square);
    const T factor = length > least_length ? static_cast<T>(1 / length) : T(0);
    inverse[static_cast<size_t>(i)] = std::isnan(length) ? std::numeric_limits<T>::quiet_NaN() : factor;
    for (int64_t d = 0; d < dim; ++d) to[i * dim + d] = from[i * dim + d] * inverse[static_cast<size_t>(i)];
  }
  return inverse;
}

/// The targets of a batch, in double: cosine, logit with margin, derivative.
struct Targets {
  std::vector<SoftmaxPass::Target> of_shard;  // not of samples whose class is elsewhere
  std::vector<double> derivatives;
  std::vector<double> inverse_centre_lengths;
  Tensor cosines_B;
  Tensor logits_B;  // scaled
};

template <class T>
Targets find_targets(const Tensor& units_BD, const ClassShard& shard, const Tensor& labels_B,
                     const Tensor& margins_C, const MarginSoftmaxOptions& options) {
  const int64_t batch = units_BD.size(0);
  const int64_t dim = units_BD.size(1);
  const int64_t* labels = labels_B.const_data_ptr<int64_t>();
  const T* units = units_BD.const_data_ptr<T>();
  const T* centres = shard.centres_CD.const_data_ptr<T>();
  const T* margins = margins_C.const_data_ptr<T>();
  Targets found;
  found.derivatives.assign(static_cast<size_t>(batch), 0);
  found.inverse_centre_lengths.assign(static_cast<size_t>(batch), 0);
  found.cosines_B = at::zeros({batch}, options_of<T>());
  found.logits_B = at::zeros({batch}, at::kDouble);
  T* cosines = found.cosines_B.data_ptr<T>();
  double* logits = found.logits_B.data_ptr<double>();
  for (int64_t i = 0; i < batch; ++i) {
    const int64_t local = labels[i] - shard.first_class;
    int64_t row = local >= 0 && local < shard.centres_CD.size(0) ? local : -1;
    if (row >= 0 && shard.rows.defined()) {
      const int64_t* rows = shard.rows.const_data_ptr<int64_t>();
      const int64_t* at = std::lower_bound(rows, rows + shard.rows.size(0), local);
      require(at != rows + shard.rows.size(0) && *at == local, "ERR_INTERNAL", "The class ", labels[i],
              " of sample ", i, " is not among the sampled rows.");
      row = at - rows;
    }
    if (row < 0) continue;
    found.of_shard.push_back({row, i, 0});
    const T* centre = centres + local * dim;
    double dot = 0;
    double square = 0;
    for (int64_t d = 0; d < dim; ++d) {
      dot += static_cast<double>(units[i * dim + d]) * centre[d];
      square += static_cast<double>(centre[d]) * centre[d];
    }
    const double length = std::sqrt(square);
    const double inverse = length > least_length ? 1 / length : 0;
    const double cosine = clamp_cosine(dot * inverse);
    const auto logit =
        target_logit<double>(cosine, margins[labels[i]], options.margin, MarginEpsilon<T>::value);
    cosines[i] = static_cast<T>(cosine);
    logits[i] = options.scale * logit.value;
    found.derivatives[static_cast<size_t>(i)] = logit.derivative;
    found.inverse_centre_lengths[static_cast<size_t>(i)] = inverse;
  }
  return found;
}

/// How many blocks each thread keeps.
int64_t blocks_within(int64_t budget, int64_t spent, int64_t block_bytes, int64_t threads, int64_t blocks) {
  const int64_t most = (blocks + threads - 1) / threads;
  return std::clamp<int64_t>((budget - spent) / (block_bytes * threads), 0, most);
}

/// Sets the references to the largest logits, for scales at which fixed ones would leave float's range.
template <class T, class P>
void find_maxima(BlockWalk<T, P>& walk, SoftmaxPass& pass, const Tensor& target_logits_B,
                 ShardReduction* reduction) {
  const int64_t batch = walk.batch();
  const double* logits = target_logits_B.const_data_ptr<double>();
  Tensor largest = at::empty({pass.threads, batch}, options_of<T>());
  on_threads(pass.threads, [&](int64_t thread) {
    T* mine = largest.data_ptr<T>() + thread * batch;
    for (int64_t i = 0; i < batch; ++i) mine[i] = static_cast<T>(logits[i]);
    const BlockRange range = blocks_of_thread(thread, pass.threads, walk.blocks());
    for (int64_t block = range.first; block < range.last; ++block) walk.maxima(thread, block, mine);
  });
  Tensor overall = largest.amax({0});
  if (reduction != nullptr) reduction->maximum(overall);
  pass.references_B.copy_(overall);
}

/// Sums and target gradients of the pass from the sums over the other classes; returns the mean loss.
template <class T>
double finish_samples(SoftmaxPass& pass, const Targets& targets, const Tensor& others_B) {
  const int64_t batch = others_B.size(0);
  const double* others = others_B.const_data_ptr<double>();
  const double* logits = targets.logits_B.const_data_ptr<double>();
  const T* references = pass.references_B.const_data_ptr<T>();
  pass.sums_B = at::empty({batch}, options_of<T>());
  T* sums = pass.sums_B.data_ptr<T>();
  std::vector<double> gradients(static_cast<size_t>(batch));
  double loss = 0;
  for (int64_t i = 0; i < batch; ++i) {
    const double reference = static_cast<double>(references[i]);
    const double sum = others[i] + std::exp(logits[i] - reference);
    sums[i] = static_cast<T>(sum);
    loss += std::log(sum) + reference - logits[i];
    // p - 1 of the target, without the cancellation.
    gradients[static_cast<size_t>(i)] = -pass.options.scale / static_cast<double>(batch) * (others[i] / sum) *
                                        targets.derivatives[static_cast<size_t>(i)];
  }
  for (auto& target : pass.targets) target.gradient = gradients[static_cast<size_t>(target.sample)];
  return loss / static_cast<double>(batch);
}

/// The gradient by the raw embeddings from each thread's sum_c e_ic w_c.
template <class T>
Tensor embeddings_gradient(const SoftmaxPass& pass, const ClassShard& shard, const Targets& targets,
                           const std::vector<T*>& outputs, const std::vector<T>& inverse_lengths,
                           ShardReduction* reduction) {
  const int64_t batch = pass.units_BD.size(0);
  const int64_t dim = pass.units_BD.size(1);
  const T* sums = pass.sums_B.const_data_ptr<T>();
  const T* centres = shard.centres_CD.const_data_ptr<T>();
  const T* units = pass.units_BD.const_data_ptr<T>();
  Tensor gradient_BD = at::empty({batch, dim}, options_of<T>());
  T* gradient = gradient_BD.data_ptr<T>();
  for (int64_t i = 0; i < batch; ++i) {
    const double share = pass.options.scale / static_cast<double>(batch) / static_cast<double>(sums[i]);
    for (int64_t d = 0; d < dim; ++d) {
      double sum = 0;
      for (const T* output : outputs) sum += static_cast<double>(output[i * dim + d]);
      gradient[i * dim + d] = static_cast<T>(share * sum);
    }
  }
  for (const auto& target : pass.targets) {
    const T* centre =
        centres +
        (shard.rows.defined() ? shard.rows.const_data_ptr<int64_t>()[target.row] : target.row) * dim;
    const T factor =
        static_cast<T>(target.gradient * targets.inverse_centre_lengths[static_cast<size_t>(target.sample)]);
    for (int64_t d = 0; d < dim; ++d) gradient[target.sample * dim + d] += factor * centre[d];
  }
  if (reduction != nullptr) reduction->sum(gradient_BD);
  for (int64_t i = 0; i < batch; ++i) {
    T* row = gradient + i * dim;
    const T* unit = units + i * dim;
    double along = 0;
    for (int64_t d = 0; d < dim; ++d) along += static_cast<double>(row[d]) * unit[d];
    for (int64_t d = 0; d < dim; ++d)
      row[d] = (row[d] - static_cast<T>(along) * unit[d]) * inverse_lengths[static_cast<size_t>(i)];
  }
  return gradient_BD;
}

template <class T, class P>
SoftmaxResult forward_of(const Tensor& embeddings_BD, const ClassShard& shard, const Tensor& labels_B,
                         const Tensor& margins_C, const MarginSoftmaxOptions& options,
                         const SoftmaxWishes& wishes, const std::shared_ptr<Workspace>& workspace,
                         ShardReduction* reduction) {
  const int64_t batch = embeddings_BD.size(0);
  const int64_t dim = embeddings_BD.size(1);
  auto pass = std::make_shared<SoftmaxPass>();
  pass->options = options;
  pass->rows = shard.rows;
  pass->classes = shard.count();
  pass->workspace = workspace;
  pass->units_BD = at::empty({batch, dim}, options_of<T>());
  const std::vector<T> inverse = normalize<T>(embeddings_BD, pass->units_BD);

  Targets targets = find_targets<T>(pass->units_BD, shard, labels_B, margins_C, options);
  if (reduction != nullptr) reduction->sum(targets.logits_B);
  pass->targets = targets.of_shard;
  std::sort(pass->targets.begin(), pass->targets.end(), [](const auto& a, const auto& b) {
    return a.row != b.row ? a.row < b.row : a.sample < b.sample;
  });
  pass->references_B = targets.logits_B.clamp_min(0).to(c10::CppTypeToScalarType<T>::value);

  BlockWalk<T, P> walk(*pass, shard.centres_CD.const_data_ptr<T>(), *workspace);
  const int64_t blocks = walk.blocks();
  const int64_t threads = threads_for(blocks);
  pass->threads = threads;
  walk.prepare(threads, false);
  walk.prepare_logits();
  if (options.scale > widest_scale<T>()) find_maxima(walk, *pass, targets.logits_B, reduction);

  std::vector<T*> outputs;
  std::vector<double*> sums;
  for (int64_t thread = 0; thread < threads; ++thread) {
    sums.push_back(walk.template take<double>(batch));
    if (wishes.embeddings_gradient) outputs.push_back(walk.template take<T>(batch * dim));
  }
  if (wishes.centres_update) {
    pass->kept_blocks =
        blocks_within(options.budget, walk.scratch_bytes(threads), walk.kept_block_bytes(), threads, blocks);
    if (pass->kept_blocks > 0) {
      pass->kept =
          workspace->borrow(static_cast<size_t>(pass->kept_blocks * threads * walk.kept_block_bytes()));
    }
  }
  on_threads(threads, [&](int64_t thread) {
    T* output = outputs.empty() ? nullptr : outputs[static_cast<size_t>(thread)];
    double* sum = sums[static_cast<size_t>(thread)];
    std::fill_n(sum, batch, 0.0);
    if (output != nullptr) std::fill_n(output, batch * dim, T(0));
    const BlockRange range = blocks_of_thread(thread, threads, blocks);
    for (int64_t block = range.first; block < range.last; ++block) walk.forward(thread, block, sum, output);
  });
  Tensor others_B = at::zeros({batch}, at::kDouble);
  double* others = others_B.data_ptr<double>();
  for (const double* sum : sums) {
    for (int64_t i = 0; i < batch; ++i) others[i] += sum[i];
  }
  if (reduction != nullptr) reduction->sum(others_B);

  SoftmaxResult result;
  result.loss = at::scalar_tensor(finish_samples<T>(*pass, targets, others_B), options_of<T>());
  result.target_cosines_B = targets.cosines_B;
  if (wishes.embeddings_gradient)
    result.embeddings_gradient_BD = embeddings_gradient(*pass, shard, targets, outputs, inverse, reduction);
  if (wishes.centres_update) result.pass = pass;
  return result;
}

/// Walks the blocks with the gradient by their unit centres: `sink(row of the centres, gradient (D))`.
template <class T, class P, class Sink>
void walk_rows(const std::vector<WeightedPass>& passes, const Tensor& centres_CD, const Sink& sink) {
  const T* centres = centres_CD.const_data_ptr<T>();
  const SoftmaxPass& first = *passes.front().pass;
  const int64_t threads = threads_for(blocks_of(first.classes));
  std::vector<BlockWalk<T, P>> walks;
  size_t slot = 0;
  for (const WeightedPass& weighted : passes) {
    walks.emplace_back(*weighted.pass, centres, *first.workspace, slot);
    walks.back().prepare(threads, true);
    if (!walks.back().keeps_all()) walks.back().prepare_logits();
    walks.back().prepare_gradients(weighted.weight);
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

template <class F>
void dispatch(at::ScalarType dtype, Precision precision, const F& body) {
  if (dtype == at::kDouble) {
    body(double{}, double{});
  } else if (precision == Precision::bfloat16) {
    body(float{}, BFloat16{});
  } else {
    body(float{}, float{});
  }
}

bool same_rows(const std::vector<WeightedPass>& passes) {
  const Tensor& first = passes.front().pass->rows;
  return std::all_of(passes.begin(), passes.end(), [&](const WeightedPass& weighted) {
    const Tensor& rows = weighted.pass->rows;
    return rows.defined() == first.defined() && (!rows.defined() || at::equal(rows, first));
  });
}

void check_passes(const std::vector<WeightedPass>& passes, const Tensor& centres_CD) {
  for (const WeightedPass& weighted : passes) {
    const SoftmaxPass& pass = *weighted.pass;
    require(pass.units_BD.size(1) == centres_CD.size(1) &&
                (pass.rows.defined() || pass.classes == centres_CD.size(0)),
            "ERR_SHAPE", "The pass was made over other centres than ", centres_CD.sizes(), ".");
  }
}

/// Passes over different samples of the classes: their gradients meet in a matrix of the rows they cover.
template <class T, class P, class Sink>
void walk_united_rows(const std::vector<WeightedPass>& passes, const Tensor& centres_CD, const Sink& sink) {
  std::vector<Tensor> samples;
  for (const WeightedPass& weighted : passes) {
    samples.push_back(weighted.pass->rows.defined() ? weighted.pass->rows : at::arange(centres_CD.size(0)));
  }
  const Tensor united = std::get<0>(at::_unique(at::cat(samples), /*sorted=*/true));
  const int64_t count = united.size(0);
  const int64_t dim = centres_CD.size(1);
  const auto* rows = united.const_data_ptr<int64_t>();
  Tensor gradients_UD = at::zeros({count, dim}, options_of<T>());
  T* gradients = gradients_UD.data_ptr<T>();
  for (const WeightedPass& weighted : passes) {
    walk_rows<T, P>({weighted}, centres_CD, [&](int64_t row, const T* unit_gradient) {
      T* sum = gradients + (std::lower_bound(rows, rows + count, row) - rows) * dim;
      for (int64_t d = 0; d < dim; ++d) sum[d] += unit_gradient[d];
    });
  }
  parallel_for(0, count, block_rows, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) sink(rows[i], gradients + i * dim);
  });
}

}  // namespace

int64_t SoftmaxPass::kept_bytes() const { return kept.defined() ? kept.numel() : 0; }

SoftmaxPass::~SoftmaxPass() {
  if (kept.defined()) workspace->give_back(std::move(kept));
}

SoftmaxResult walk_forward(const Tensor& embeddings_BD, const ClassShard& shard, const Tensor& labels_B,
                           const Tensor& margins_C, const MarginSoftmaxOptions& options,
                           const SoftmaxWishes& wishes, const std::shared_ptr<Workspace>& workspace,
                           ShardReduction* reduction) {
#ifdef KAPPA_CUDA
  if (shard.centres_CD.is_cuda()) {
    return cuda::walk_forward(embeddings_BD, shard, labels_B, margins_C, options, wishes, reduction);
  }
#endif
  SoftmaxResult result;
  dispatch(shard.centres_CD.scalar_type(), options.precision, [&](auto compute, auto product) {
    result = forward_of<decltype(compute), decltype(product)>(embeddings_BD, shard, labels_B, margins_C,
                                                              options, wishes, workspace, reduction);
  });
  return result;
}

void walk_gradient(const std::vector<WeightedPass>& passes, const Tensor& centres_CD, Tensor& gradient_CD) {
  if (passes.empty()) return;
  check_passes(passes, centres_CD);
#ifdef KAPPA_CUDA
  if (centres_CD.is_cuda()) return cuda::walk_gradient(passes, centres_CD, gradient_CD);
#endif
  require(same_rows(passes), "ERR_ARGUMENT",
          "Passes over different samples of the classes have no one gradient.");
  dispatch(centres_CD.scalar_type(), passes.front().pass->options.precision, [&](auto compute, auto product) {
    using T = decltype(compute);
    const int64_t dim = centres_CD.size(1);
    const T* centres = centres_CD.const_data_ptr<T>();
    T* gradient = gradient_CD.data_ptr<T>();
    walk_rows<T, decltype(product)>(passes, centres_CD, [&](int64_t row, const T* unit_gradient) {
      row_gradient(unit_gradient, centres + row * dim, dim, gradient + row * dim);
    });
  });
}

void walk_update(const std::vector<WeightedPass>& passes, const Tensor& centres_CD, const Tensor& velocity_CD,
                 const SgdOptions& step) {
  if (passes.empty()) return;
  check_passes(passes, centres_CD);
#ifdef KAPPA_CUDA
  if (centres_CD.is_cuda()) {
    return cuda::walk_update(passes, centres_CD, velocity_CD, step);
  }
#endif
  dispatch(centres_CD.scalar_type(), passes.front().pass->options.precision, [&](auto compute, auto product) {
    using T = decltype(compute);
    const int64_t dim = centres_CD.size(1);
    T* centres = centres_CD.data_ptr<T>();
    T* velocities = step.momentum != 0 ? velocity_CD.data_ptr<T>() : nullptr;
    const auto move = [&](int64_t row, const T* unit_gradient) {
      T* velocity = velocities != nullptr ? velocities + row * dim : nullptr;
      step_row(unit_gradient, centres + row * dim, velocity, dim, step);
    };
    if (same_rows(passes)) {
      walk_rows<T, decltype(product)>(passes, centres_CD, move);
    } else {
      walk_united_rows<T, decltype(product)>(passes, centres_CD, move);
    }
  });
}

}  // namespace kappa
