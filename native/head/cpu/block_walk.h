// The walk over the class centres, block by block: what one thread does with one block. Part of walk.cc.
#pragma once
#include <algorithm>
#include <limits>
#include <type_traits>
#include <vector>

#include "head/walk.h"
#include "kernels/cpu/blocks.h"
#include "kernels/cpu/products.h"
#include "runtime/parallel.h"

namespace kappa::cpu {

// A block's centres, logits and products stay within a core's second-level cache.
constexpr int64_t block_rows = 128;

inline int64_t round_up_to_even(int64_t n) { return n + n % 2; }
inline int64_t blocks_of(int64_t rows) { return (rows + block_rows - 1) / block_rows; }

/// The blocks of a thread: [first, last).
struct BlockRange {
  int64_t first;
  int64_t last;
};
inline BlockRange blocks_of_thread(int64_t thread, int64_t threads, int64_t blocks) {
  return {thread * blocks / threads, (thread + 1) * blocks / threads};
}

/// What the walks over one batch share, and what the update needs of it.
struct WalkState {
  struct Target {
    int64_t row;  // among the walked rows
    int64_t sample;
  };

  MarginSoftmaxOptions options;
  at::Tensor units_BD;
  at::Tensor rows;
  int64_t classes = 0;          // walked rows
  std::vector<Target> targets;  // of this shard, by row
  at::Tensor references_B;

  at::Tensor kept;  // exponentials of the first blocks of each thread
  int64_t kept_blocks = 0;
  int64_t threads = 0;
  std::shared_ptr<Workspace> workspace;
};

/// The walks of one batch at work. T computes; P is what the products take.
template <class T, class P>
class BlockWalk {
  static constexpr bool narrow = !std::is_same_v<T, P>;

 public:
  BlockWalk(const WalkState& pass, const T* centres, size_t first_slot = 0)
      : pass_(pass),
        centres_(centres),
        workspace_(*pass.workspace),
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
    right_ = take<P>(padded_dim_ * batch_);
    parallel_for(0, (dim_ + 1) / 2, grain, [&](int64_t begin, int64_t end) {
      const int64_t last = std::min(dim_, 2 * end);
      if constexpr (narrow) {
        transposed_pairs_bfloat16(units, batch_, dim_, 2 * begin, last, bits(right_));
      } else {
        for (int64_t d = 2 * begin; d < last; ++d) {
          for (int64_t i = 0; i < batch_; ++i) right_[d * batch_ + i] = units[i * dim_ + d];
        }
      }
    });
  }

  /// The unit embeddings, each times its weight, as second factor of the centres' gradients; the weights of
  /// the targets.
  /// @param factor of the whole term. In bfloat16 it goes into the products: that has the range of float32.
  void prepare_gradients(const at::Tensor& shares_B, const at::Tensor& target_gradients_B, double factor) {
    const T* units = pass_.units_BD.template const_data_ptr<T>();
    const double* shares = shares_B.const_data_ptr<double>();
    const double* targets = target_gradients_B.const_data_ptr<double>();
    T* factors = take<T>(batch_);
    target_factors_ = take<T>(batch_);
    for (int64_t i = 0; i < batch_; ++i) {
      factors[i] = static_cast<T>(factor * shares[i]);
      target_factors_[i] = static_cast<T>(factor * targets[i]);
    }
    weighted_ = take<P>(padded_batch_ * dim_);
    parallel_for(0, (batch_ + 1) / 2, grain, [&](int64_t begin, int64_t end) {
      const int64_t first = 2 * begin;
      const int64_t last = std::min(batch_, 2 * end);
      if constexpr (narrow) {
        scaled_to_bfloat16(units + first * dim_, factors + first, last - first, dim_, nullptr, 0,
                           bits(weighted_) + first * dim_);
      } else {
        for (int64_t i = first; i < last; ++i) {
          for (int64_t d = 0; d < dim_; ++d) weighted_[i * dim_ + d] = units[i * dim_ + d] * factors[i];
        }
      }
    });
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
    for_targets(block, [&](int64_t r, const WalkState::Target& target) {
      const T factor = target_factors_[target.sample];
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
    for_targets(block, [&](int64_t r, const WalkState::Target& target) {
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

  // Pairs of rows or columns that are worth a thread's while.
  static constexpr int64_t grain = 8;

  const WalkState& pass_;
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
  T* target_factors_ = nullptr;
};

/// Runs `body(thread)` on each of the threads.
template <class F>
void on_threads(int64_t threads, const F& body) {
  parallel_for(0, threads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t thread = begin; thread < end; ++thread) body(thread);
    finish_block_products();
  });
}

inline int64_t threads_for(int64_t blocks) {
  return std::max<int64_t>(1, std::min<int64_t>(at::get_num_threads(), blocks));
}

}  // namespace kappa::cpu
