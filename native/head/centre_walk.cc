#include "head/centre_walk.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <type_traits>

#include "head/products.h"
#include "runtime/error.h"
#ifdef KAPPA_CUDA
#include "head/cuda/walk.h"
#endif

namespace kappa {
namespace {

using at::BFloat16;
using at::Tensor;

// A block's centres, logits and products stay within a core's second-level cache.
constexpr int64_t block_rows = 128;
constexpr double least_length = 1e-12;

int64_t round_up_to_even(int64_t n) { return n + n % 2; }
int64_t blocks_of(int64_t rows) { return (rows + block_rows - 1) / block_rows; }

/// The blocks of a thread: [first, last).
struct BlockRange {
  int64_t first;
  int64_t last;
};
BlockRange blocks_of_thread(int64_t thread, int64_t threads, int64_t blocks) {
  return {thread * blocks / threads, (thread + 1) * blocks / threads};
}

/// Largest scale for which the fixed references need no walk for the maximum.
template <class T>
constexpr double widest_scale() {
  return std::is_same_v<T, float> ? 64 : 300;
}

template <class T>
at::TensorOptions options_of() {
  return at::dtype(c10::CppTypeToScalarType<T>::value);
}

/// Everything that the walks over one batch share. T computes; P is what the products take.
template <class T, class P>
class Walk {
  static constexpr bool narrow = !std::is_same_v<T, P>;

 public:
  Walk(const SoftmaxPass& pass, const T* centres, Workspace& workspace, size_t first_slot = 0)
      : pass_(pass),
        centres_(centres),
        workspace_(workspace),
        slot_(first_slot),
        batch_(pass.units_BD.size(0)),
        dim_(pass.units_BD.size(1)),
        padded_batch_(narrow ? round_up_to_even(batch_) : batch_),
        padded_dim_(narrow ? round_up_to_even(dim_) : dim_),
        rows_(pass.rows.defined() ? pass.rows.const_data_ptr<int64_t>() : nullptr),
        blocks_(blocks_of(pass.classes)) {}

  int64_t batch() const { return batch_; }
  int64_t dim() const { return dim_; }
  int64_t blocks() const { return blocks_; }

  /// Bytes of a block of kept exponentials.
  int64_t kept_block_bytes() const { return block_rows * padded_batch_ * static_cast<int64_t>(sizeof(P)); }

  /// Upper bound of all memory but the kept exponentials, in the forward and in the update walk.
  int64_t scratch_bytes(int64_t threads) const {
    const auto wide = static_cast<int64_t>(sizeof(T));
    const auto kept = narrow ? static_cast<int64_t>(sizeof(P)) : 0;
    const int64_t block =
        block_rows * (batch_ * (2 * wide + 2 * kept) + dim_ * (2 * wide + 2 * kept) + 4 * wide);
    const int64_t per_thread = block + batch_ * (dim_ * wide + 32);
    return threads * per_thread + batch_ * dim_ * 6 * wide;
  }

  /// Lays out the scratch of `threads` threads. Call it before any parallel work.
  void prepare(int64_t threads, bool gradients) {
    scratch_.resize(static_cast<size_t>(threads));
    for (Scratch& s : scratch_) {
      s.inverse = take<T>(block_rows);
      s.factors = take<T>(block_rows);
      s.sums = take<T>(batch_);
      if (rows_ != nullptr) s.gathered = take<T>(block_rows * dim_);
      s.products = take<T>(block_rows * batch_);
      s.gradients = take<T>(gradients ? block_rows * dim_ : 0);
      s.transposed = take<P>(gradients ? 0 : block_rows * padded_batch_);
      if constexpr (narrow) {
        s.plain = take<P>(block_rows * padded_dim_);
        s.pairs = take<P>(gradients ? 0 : block_rows * dim_);
        s.kept = take<P>(block_rows * padded_batch_);
      }
    }
  }

  /// The unit embeddings as second factor of the logits.
  void prepare_logits() {
    const T* units = pass_.units_BD.template const_data_ptr<T>();
    if constexpr (narrow) {
      right_ = take<P>(padded_dim_ * batch_);
      transposed_pairs_bfloat16(units, batch_, dim_, bits(right_));
    } else {
      right_ = take<P>(dim_ * batch_);
      for (int64_t i = 0; i < batch_; ++i) {
        for (int64_t d = 0; d < dim_; ++d) right_[d * batch_ + i] = units[i * dim_ + d];
      }
    }
  }

  /// The unit embeddings, each times its weight, as second factor of the centres' gradients.
  void prepare_gradients(double weight) {
    const T* units = pass_.units_BD.template const_data_ptr<T>();
    const T* sums = pass_.sums_B.template const_data_ptr<T>();
    weight_ = weight;
    const double share = weight * pass_.options.scale / static_cast<double>(batch_);
    T* factors = take<T>(batch_);
    for (int64_t i = 0; i < batch_; ++i) factors[i] = static_cast<T>(share / static_cast<double>(sums[i]));
    if constexpr (narrow) {
      weighted_ = take<P>(padded_batch_ * dim_);
      scaled_to_bfloat16(units, factors, batch_, dim_, nullptr, 0, bits(weighted_));
    } else {
      weighted_ = take<P>(batch_ * dim_);
      for (int64_t i = 0; i < batch_; ++i) {
        for (int64_t d = 0; d < dim_; ++d) weighted_[i * dim_ + d] = units[i * dim_ + d] * factors[i];
      }
    }
  }

  int64_t rows_of_block(int64_t block) const {
    return std::min(block_rows, pass_.classes - block * block_rows);
  }
  /// Which row of the centres a row of a block is.
  int64_t row_of(int64_t block, int64_t r) const {
    const int64_t row = block * block_rows + r;
    return rows_ != nullptr ? rows_[row] : row;
  }

  /// Raises `largest` (B) to the largest logits of other classes in a block.
  void maxima(int64_t thread, int64_t block, T* largest) {
    Scratch& s = scratch_[static_cast<size_t>(thread)];
    const T* centres = load(s, block);
    products(s, block, centres, s.products);
    column_maxima(s.products, s.factors, rows_of_block(block), batch_, largest);
  }

  /// Exponentials of a block: adds to the sums and, if `outputs` is given, to sum_c e_ic w_c (B, D).
  void forward(int64_t thread, int64_t block, double* sums, T* outputs) {
    Scratch& s = scratch_[static_cast<size_t>(thread)];
    const int64_t rows = rows_of_block(block);
    const T* centres = load(s, block);
    std::fill_n(s.sums, batch_, T(0));
    P* kept = kept_at(block);
    if constexpr (narrow) {
      exponentials_of(s, block, centres, s.products);
      const int64_t padded_rows = round_up_to_even(rows);
      if (kept != nullptr || outputs != nullptr) {
        to_bfloat16_both_ways(s.products, rows, batch_, bits(kept != nullptr ? kept : s.kept), padded_batch_,
                              outputs != nullptr ? bits(s.transposed) : nullptr, padded_rows);
      }
      if (outputs != nullptr) {
        block_product(batch_, dim_, padded_rows, s.transposed, padded_rows, s.pairs, outputs, dim_, true);
      }
    } else {
      T* values = kept != nullptr ? kept : s.products;
      exponentials_of(s, block, centres, values);
      if (outputs != nullptr) {
        transpose_scaled(values, s.inverse, rows, batch_, s.transposed, rows);
        block_product(batch_, dim_, rows, s.transposed, rows, centres, dim_, outputs, dim_, true);
      }
    }
    for (int64_t i = 0; i < batch_; ++i) sums[i] += static_cast<double>(s.sums[i]);
  }

  /// Adds the gradient by the unit vectors of a block's centres to `gradients` (rows, D), or writes it there.
  void gradients(int64_t thread, int64_t block, T* gradients, bool accumulate) {
    Scratch& s = scratch_[static_cast<size_t>(thread)];
    const int64_t rows = rows_of_block(block);
    const P* kept = kept_at(block);
    if (kept == nullptr) {
      const T* centres = load(s, block);
      exponentials_of(s, block, centres, s.products);
      if constexpr (narrow) {
        to_bfloat16_both_ways(s.products, rows, batch_, bits(s.kept), padded_batch_, nullptr, 0);
        kept = s.kept;
      } else {
        kept = s.products;
      }
    }
    if constexpr (narrow) {
      block_product(rows, dim_, padded_batch_, kept, padded_batch_, weighted_, gradients, dim_, accumulate);
    } else {
      block_product(rows, dim_, batch_, kept, batch_, weighted_, dim_, gradients, dim_, accumulate);
    }
    const T* units = pass_.units_BD.template const_data_ptr<T>();
    for_targets(block, [&](int64_t r, const SoftmaxPass::Target& target) {
      const T factor = static_cast<T>(target.gradient * weight_);
      const T* unit = units + target.sample * dim_;
      T* row = gradients + r * dim_;
      for (int64_t d = 0; d < dim_; ++d) row[d] += factor * unit[d];
    });
  }

  T* gradient_scratch(int64_t thread) { return scratch_[static_cast<size_t>(thread)].gradients; }
  bool keeps_all() const { return pass_.kept_blocks * pass_.threads >= blocks_; }
  size_t next_slot() const { return slot_; }

  template <class E>
  E* take(int64_t count) {
    return static_cast<E*>(workspace_.scratch(slot_++, static_cast<size_t>(count) * sizeof(E)));
  }

 private:
  struct Scratch {
    T* inverse = nullptr;
    T* factors = nullptr;
    T* sums = nullptr;
    T* gathered = nullptr;
    T* products = nullptr;
    T* gradients = nullptr;
    P* transposed = nullptr;
    P* plain = nullptr;
    P* pairs = nullptr;
    P* kept = nullptr;
  };

  static uint16_t* bits(P* values) { return reinterpret_cast<uint16_t*>(values); }

  /// The block's centres side by side, and their inverse lengths; in bfloat16 also the two forms of them.
  const T* load(Scratch& s, int64_t block) {
    const int64_t rows = rows_of_block(block);
    const T* centres = centres_ + block * block_rows * dim_;
    if (rows_ != nullptr) {
      for (int64_t r = 0; r < rows; ++r) {
        std::copy_n(centres_ + row_of(block, r) * dim_, dim_, s.gathered + r * dim_);
      }
      centres = s.gathered;
    }
    inverse_lengths(centres, rows, dim_, s.inverse);
    const T scale = static_cast<T>(pass_.options.scale);
    if constexpr (narrow) {
      scaled_to_bfloat16(centres, s.inverse, rows, dim_, bits(s.plain), padded_dim_,
                         s.pairs != nullptr ? bits(s.pairs) : nullptr);
      std::fill_n(s.factors, rows, scale);
    } else {
      for (int64_t r = 0; r < rows; ++r) s.factors[r] = s.inverse[r] * scale;
    }
    return centres;
  }

  /// Centres times embeddings, with minus infinity for the targets: their logits are known already.
  void products(Scratch& s, int64_t block, const T* centres, T* out) {
    const int64_t rows = rows_of_block(block);
    if constexpr (narrow) {
      block_product(rows, batch_, padded_dim_, s.plain, padded_dim_, right_, out, batch_, false);
    } else {
      block_product(rows, batch_, dim_, centres, dim_, right_, batch_, out, batch_, false);
    }
    for_targets(block, [&](int64_t r, const SoftmaxPass::Target& target) {
      out[r * batch_ + target.sample] = -std::numeric_limits<T>::infinity();
      // 0 times infinity is not a number: a centre without a direction keeps its sign of infinity.
      if (s.factors[r] == T(0)) s.factors[r] = std::numeric_limits<T>::min();
    });
  }

  void exponentials_of(Scratch& s, int64_t block, const T* centres, T* out) {
    products(s, block, centres, out);
    const double threshold = pass_.options.filter_threshold;
    const T filter_above =
        threshold < 1 ? static_cast<T>(threshold * pass_.options.scale) : std::numeric_limits<T>::infinity();
    exponentials(out, s.factors, rows_of_block(block), batch_,
                 pass_.references_B.template const_data_ptr<T>(), filter_above, s.sums);
  }

  template <class F>
  void for_targets(int64_t block, const F& each) const {
    const int64_t first = block * block_rows;
    const auto begin = std::lower_bound(pass_.targets.begin(), pass_.targets.end(), first,
                                        [](const auto& target, int64_t row) { return target.row < row; });
    for (auto target = begin; target != pass_.targets.end() && target->row < first + block_rows; ++target) {
      each(target->row - first, *target);
    }
  }

  /// Where the exponentials of a block are kept; null if they are not.
  P* kept_at(int64_t block) const {
    if (pass_.kept_blocks == 0) return nullptr;
    // The thread of a block follows from its position; the division may be one off.
    int64_t thread = std::min(pass_.threads - 1, block * pass_.threads / blocks_);
    while (block < blocks_of_thread(thread, pass_.threads, blocks_).first) --thread;
    while (block >= blocks_of_thread(thread, pass_.threads, blocks_).last) ++thread;
    const int64_t index = block - blocks_of_thread(thread, pass_.threads, blocks_).first;
    if (index >= pass_.kept_blocks) return nullptr;
    auto* bytes = static_cast<char*>(pass_.kept.mutable_data_ptr());
    return reinterpret_cast<P*>(bytes + (thread * pass_.kept_blocks + index) * kept_block_bytes());
  }

  const SoftmaxPass& pass_;
  const T* centres_;
  Workspace& workspace_;
  size_t slot_;
  int64_t batch_;
  int64_t dim_;
  int64_t padded_batch_;
  int64_t padded_dim_;
  const int64_t* rows_;
  int64_t blocks_;
  std::vector<Scratch> scratch_;
  P* right_ = nullptr;
  P* weighted_ = nullptr;
  double weight_ = 1;
};

/// Runs `body(thread)` on each of the threads.
template <class F>
void on_threads(int64_t threads, const F& body) {
  at::parallel_for(0, threads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t thread = begin; thread < end; ++thread) body(thread);
    finish_block_products();
  });
}

int64_t threads_for(int64_t blocks) {
  return std::max<int64_t>(1, std::min<int64_t>(at::get_num_threads(), blocks));
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
  std::vector<SoftmaxPass::Target> of_shard;  // by sample; row -1 where the class is elsewhere
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
    found.of_shard.push_back({row, i, 0});
    if (row < 0) continue;
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
  for (const auto& target : targets.of_shard) {
    if (target.row >= 0) pass->targets.push_back(target);
  }
  std::sort(pass->targets.begin(), pass->targets.end(), [](const auto& a, const auto& b) {
    return a.row != b.row ? a.row < b.row : a.sample < b.sample;
  });
  const double* logits = targets.logits_B.const_data_ptr<double>();
  pass->references_B = at::empty({batch}, options_of<T>());
  T* references = pass->references_B.data_ptr<T>();
  for (int64_t i = 0; i < batch; ++i) references[i] = static_cast<T>(std::max(logits[i], 0.0));

  Walk<T, P> walk(*pass, shard.centres_CD.const_data_ptr<T>(), *workspace);
  const int64_t blocks = walk.blocks();
  const int64_t threads = threads_for(blocks);
  pass->threads = threads;
  walk.prepare(threads, false);
  walk.prepare_logits();

  if (options.scale > widest_scale<T>()) {
    Tensor largest = at::empty({threads, batch}, options_of<T>());
    on_threads(threads, [&](int64_t thread) {
      T* mine = largest.data_ptr<T>() + thread * batch;
      for (int64_t i = 0; i < batch; ++i) mine[i] = static_cast<T>(logits[i]);
      const BlockRange range = blocks_of_thread(thread, threads, blocks);
      for (int64_t block = range.first; block < range.last; ++block) walk.maxima(thread, block, mine);
    });
    Tensor overall = largest.amax({0});
    if (reduction != nullptr) reduction->maximum(overall);
    pass->references_B.copy_(overall);
  }

  std::vector<T*> outputs(static_cast<size_t>(threads), nullptr);
  std::vector<double*> sums(static_cast<size_t>(threads));
  for (int64_t thread = 0; thread < threads; ++thread) {
    sums[static_cast<size_t>(thread)] = walk.template take<double>(batch);
    if (wishes.embeddings_gradient) outputs[static_cast<size_t>(thread)] = walk.template take<T>(batch * dim);
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
    T* output = outputs[static_cast<size_t>(thread)];
    double* sum = sums[static_cast<size_t>(thread)];
    std::fill_n(sum, batch, 0.0);
    if (output != nullptr) std::fill_n(output, batch * dim, T(0));
    const BlockRange range = blocks_of_thread(thread, threads, blocks);
    for (int64_t block = range.first; block < range.last; ++block) walk.forward(thread, block, sum, output);
  });

  // Everything below is of the size of the batch.
  Tensor others_B = at::zeros({batch}, at::kDouble);
  double* others = others_B.data_ptr<double>();
  for (int64_t thread = 0; thread < threads; ++thread) {
    for (int64_t i = 0; i < batch; ++i) others[i] += sums[static_cast<size_t>(thread)][i];
  }
  if (reduction != nullptr) reduction->sum(others_B);
  pass->sums_B = at::empty({batch}, options_of<T>());
  T* total = pass->sums_B.data_ptr<T>();
  double loss = 0;
  std::vector<double> target_gradient(static_cast<size_t>(batch));
  for (int64_t i = 0; i < batch; ++i) {
    const double reference = static_cast<double>(references[i]);
    const double sum = others[i] + std::exp(logits[i] - reference);
    total[i] = static_cast<T>(sum);
    loss += std::log(sum) + reference - logits[i];
    // p - 1 of the target, without the cancellation.
    target_gradient[static_cast<size_t>(i)] = -options.scale / static_cast<double>(batch) *
                                              (others[i] / sum) * targets.derivatives[static_cast<size_t>(i)];
  }
  for (auto& target : pass->targets) target.gradient = target_gradient[static_cast<size_t>(target.sample)];

  SoftmaxResult result;
  result.loss = at::empty({}, options_of<T>());
  *result.loss.template data_ptr<T>() = static_cast<T>(loss / static_cast<double>(batch));
  result.target_cosines_B = targets.cosines_B;
  if (wishes.embeddings_gradient) {
    Tensor gradient_BD = at::empty({batch, dim}, options_of<T>());
    T* gradient = gradient_BD.data_ptr<T>();
    const T* centres = shard.centres_CD.const_data_ptr<T>();
    for (int64_t i = 0; i < batch; ++i) {
      T* row = gradient + i * dim;
      const double share = options.scale / static_cast<double>(batch) / static_cast<double>(total[i]);
      for (int64_t d = 0; d < dim; ++d) {
        double sum = 0;
        for (const T* output : outputs) sum += static_cast<double>(output[i * dim + d]);
        row[d] = static_cast<T>(share * sum);
      }
    }
    for (const auto& target : pass->targets) {
      const int64_t local =
          shard.rows.defined() ? shard.rows.const_data_ptr<int64_t>()[target.row] : target.row;
      const T factor = static_cast<T>(target.gradient *
                                      targets.inverse_centre_lengths[static_cast<size_t>(target.sample)]);
      for (int64_t d = 0; d < dim; ++d)
        gradient[target.sample * dim + d] += factor * centres[local * dim + d];
    }
    if (reduction != nullptr) reduction->sum(gradient_BD);
    const T* units = pass->units_BD.template const_data_ptr<T>();
    for (int64_t i = 0; i < batch; ++i) {
      T* row = gradient + i * dim;
      const T* unit = units + i * dim;
      double along = 0;
      for (int64_t d = 0; d < dim; ++d) along += static_cast<double>(row[d]) * unit[d];
      for (int64_t d = 0; d < dim; ++d) {
        row[d] = (row[d] - static_cast<T>(along) * unit[d]) * inverse[static_cast<size_t>(i)];
      }
    }
    result.embeddings_gradient_BD = gradient_BD;
  }
  if (wishes.centres_update) result.pass = pass;
  return result;
}

/// Walks the blocks with the gradient by their unit centres: `sink(row of the centres, gradient (D))`.
template <class T, class P, class Sink>
void walk_rows(const std::vector<WeightedPass>& passes, const Tensor& centres_CD, const Sink& sink) {
  const T* centres = centres_CD.const_data_ptr<T>();
  const SoftmaxPass& first = *passes.front().pass;
  const int64_t threads = threads_for(blocks_of(first.classes));
  std::vector<Walk<T, P>> walks;
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
void dispatch(at::ScalarType dtype, bool bf16, const F& body) {
  if (dtype == at::kDouble) {
    body(double{}, double{});
  } else if (bf16) {
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
  at::parallel_for(0, count, block_rows, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) sink(rows[i], gradients + i * dim);
  });
}

}  // namespace

SoftmaxPass::~SoftmaxPass() {
  if (kept.defined()) workspace->give_back(std::move(kept));
}

void* Workspace::scratch(size_t slot, size_t bytes) {
  if (bytes == 0) return nullptr;
  if (slot >= scratch_.size()) scratch_.resize(slot + 1);
  Tensor& buffer = scratch_[slot];
  if (!buffer.defined() || static_cast<size_t>(buffer.numel()) < bytes) {
    buffer = Tensor();
    buffer = at::empty({static_cast<int64_t>(bytes)}, at::kByte);
  }
  return buffer.mutable_data_ptr();
}

Tensor Workspace::borrow(size_t bytes) {
  for (auto spare = spare_.begin(); spare != spare_.end(); ++spare) {
    if (static_cast<size_t>(spare->numel()) < bytes) continue;
    Tensor found = std::move(*spare);
    spare_.erase(spare);
    return found;
  }
  spare_.clear();
  return at::empty({static_cast<int64_t>(bytes)}, at::kByte);
}

void Workspace::give_back(Tensor&& buffer) {
  // One is enough for a step; more come from passes that were waiting together.
  if (spare_.empty()) spare_.push_back(std::move(buffer));
}

size_t Workspace::bytes() const {
  size_t total = 0;
  for (const Tensor& buffer : scratch_) total += buffer.defined() ? static_cast<size_t>(buffer.numel()) : 0;
  return total;
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
  dispatch(shard.centres_CD.scalar_type(), options.bf16, [&](auto compute, auto product) {
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
  dispatch(centres_CD.scalar_type(), passes.front().pass->options.bf16, [&](auto compute, auto product) {
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
                 const RowStep& step) {
  if (passes.empty()) return;
  check_passes(passes, centres_CD);
#ifdef KAPPA_CUDA
  if (centres_CD.is_cuda()) {
    require(passes.size() == 1 || !passes.front().pass->rows.defined(), "ERR_ARGUMENT",
            "On a CUDA device a sample rate below 1 takes one backward pass for each step.");
    return cuda::walk_update(passes, centres_CD, velocity_CD, step);
  }
#endif
  dispatch(centres_CD.scalar_type(), passes.front().pass->options.bf16, [&](auto compute, auto product) {
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
