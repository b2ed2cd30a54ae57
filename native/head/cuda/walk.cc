// The walk over the class centres (head/walk.h) on a CUDA device: products by cuBLAS, the rest by the kernels
// of kernels/cuda, on the current stream and without waiting for the device.
#include "head/walk.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "head/cuda/library.h"
#include "kernels/cuda/head.h"
#include "runtime/error.h"

namespace kappa::cuda {
namespace {

using at::Tensor;

/// Classes in a block: its gradients are a float matrix of 128 MB, enough to fill a device and few launches.
/// Blocks that stay in the second-level cache (32 MB) take 1.2 to 1.7 times as long on an H200: the host's
/// launches. The same for every batch, so that batches can be updated together; a multiple of what a pack
/// holds.
int64_t block_columns([[maybe_unused]] int64_t dim) {
#ifdef KAPPA_BLOCK_COLUMNS
  return KAPPA_BLOCK_COLUMNS;
#else
  constexpr int64_t bytes = int64_t{128} << 20;
  const int64_t columns = bytes / (static_cast<int64_t>(sizeof(float)) * dim) / chunk_columns * chunk_columns;
  return std::clamp<int64_t>(columns, chunk_columns, 8 * chunk_columns);
#endif
}

template <class L>
constexpr bool narrow = !std::is_same_v<L, float>;
template <class L>
constexpr bool scaled = std::is_same_v<L, Half>;

int64_t padded(int64_t columns) { return (columns + 7) / 8 * 8; }

// Slots of the workspace. Several passes of an update use their own, from `first_of_pass` on.
enum Slot : size_t {
  cosines,
  exponentials_scratch,
  unit_scratch,
  gradients_scratch,
  gradients_sum,
  outputs_part,
  first_of_pass
};

/// A walk on a device, whatever its products are of.
class AnyDeviceWalk : public Walk {
 public:
  explicit AnyDeviceWalk(Precision precision) : precision(precision) {}
  const Precision precision;
};

/// A walk on a device; the update reaches what it needs of it.
template <class L>
class DeviceWalk : public AnyDeviceWalk {
 public:
  DeviceWalk(const ClassShard& shard, const WalkBatch& batch, const MarginSoftmaxOptions& options,
             const std::shared_ptr<Workspace>& workspace)
      : AnyDeviceWalk(options.precision),
        centres_CD_(shard.centres_CD),
        rows_(shard.rows),
        classes_(shard.count()),
        batch_(batch.units_BD.size(0)),
        dim_(batch.units_BD.size(1)),
        columns_(block_columns(dim_)),
        options_(options),
        units_BD_(batch.units_BD),
        targets_B_(batch.targets_B),
        workspace_(workspace) {
    if constexpr (narrow<L>) {
      narrow_units_ =
          at::empty({batch_ * dim_ * static_cast<int64_t>(sizeof(L))}, units_BD_.options().dtype(at::kByte));
      weigh_units<L>(units(), nullptr, batch_, dim_, data(narrow_units_), stream());
    }
    shifts_ = scaled<L> ? at::empty({blocks(), batch_}, units_BD_.options()) : Tensor();
  }
  ~DeviceWalk() override {
    if (kept_.defined()) workspace_->give_back(std::move(kept_));
  }

  Tensor maxima(const Tensor& floor_B) override {
    const int64_t chunks = chunks_of(classes_);
    Tensor found = at::empty({chunks, batch_}, units_BD_.options());
    for (int64_t block = 0; block < blocks(); ++block) {
      cosines_of(block, units_of(block));
      chunk_maxima(logits_of(block), found.data_ptr<float>() + first_chunk(block) * batch_, stream());
    }
    Tensor largest = at::empty({batch_}, units_BD_.options());
    largest_of_chunks(found.const_data_ptr<float>(), chunks, batch_, floor_B.const_data_ptr<float>(),
                      largest.data_ptr<float>(), stream());
    return largest;
  }

  Tensor forward(const Tensor& references_B, const SoftmaxWishes& wishes, Tensor& sums_B) override {
    references_B_ = references_B;
    if (wishes.centres_update) keep();
    Tensor outputs_BD;
    if (wishes.embeddings_gradient) outputs_BD = at::empty({batch_, dim_}, units_BD_.options());
    const int64_t chunks = chunks_of(classes_);
    Tensor sums = at::empty({chunks, batch_}, units_BD_.options());
    for (int64_t block = 0; block < blocks(); ++block) {
      const L* centres = units_of(block);
      cosines_of(block, centres);
      if constexpr (scaled<L>) find_shifts(block);
      const Matrix<L> values = exponentials_of(block, sums.data_ptr<float>() + first_chunk(block) * batch_);
      if (outputs_BD.defined()) add_outputs(block, values, centres, outputs_BD);
    }
    centres_CD_ = Tensor();
    sum_chunks(sums.const_data_ptr<float>(), chunks, chunks_of(columns_), batch_,
               scaled<L> ? shifts_.const_data_ptr<float>() : nullptr, references(), sums_B.data_ptr<double>(),
               stream());
    return outputs_BD;
  }

  int64_t kept_bytes() const override { return kept_.defined() ? kept_.numel() : 0; }

  int64_t blocks() const { return (classes_ + columns_ - 1) / columns_; }
  int64_t first_of(int64_t block) const { return block * columns_; }
  int64_t columns_of(int64_t block) const { return std::min(columns_, classes_ - first_of(block)); }
  int64_t dim() const { return dim_; }
  /// Which rows of the centres a block has; null: those from `first_of` on.
  const int64_t* index_of(int64_t block) const {
    return rows_.defined() ? rows_.const_data_ptr<int64_t>() + first_of(block) : nullptr;
  }
  /// Where the rows of a block begin: with an index the index says it.
  int64_t offset_of(int64_t block) const { return rows_.defined() ? 0 : first_of(block) * dim_; }
  /// Where the device keeps the unit centres of a block; null where it does not.
  L* kept_units_of(int64_t block) const {
    const Tensor& units = workspace_->unit_centres.units;
    return keeps_units() && units.defined() ? data(units) + first_of(block) * dim_ : nullptr;
  }

  /// What an update needs besides the exponentials.
  /// @param slot of the workspace, of this pass alone
  void prepare_update(const GradientTerm& term, size_t slot) {
    device_factor_ = term.device_factor;
    factor_ = {static_cast<float>(term.factor / top),
               device_factor_.defined() ? device_factor_.const_data_ptr<float>() : nullptr};
    target_gradients_B_ = term.target_gradients_B;
    shares_B_ = term.shares_B;
    if constexpr (!scaled<L>) {
      weighted_ = static_cast<L*>(workspace_->scratch(slot, static_cast<size_t>(batch_ * dim_) * sizeof(L)));
      weigh_units<L>(units(), shares_B_.const_data_ptr<double>(), batch_, dim_, weighted_, stream());
    }
  }
  /// What `block_gradients` must be multiplied by.
  const Factor& factor() const { return factor_; }

  /// The gradient by the unit vectors of a block's centres over `factor`, (columns, D).
  void block_gradients(int64_t block, float* gradients) {
    const Matrix<L> values = update_operand(block);
    const L* right = weighted_;
    if constexpr (scaled<L>) right = narrow_units();
    product<L>(columns_of(block), dim_, batch_, {values.data, values.stride, true}, {right, dim_}, false,
               gradients, dim_);
    add_targets(units(), targets_B_.const_data_ptr<int64_t>(), first_of(block), columns_of(block),
                target_gradients_B_.const_data_ptr<double>(), top, batch_, dim_, gradients, stream());
  }

  /// The centres that recomputed blocks take, or none: those of the forward walk are not held.
  void walk_over(const Tensor& centres_CD) { centres_CD_ = centres_CD; }
  Workspace& workspace() const { return *workspace_; }
  static cudaStream_t stream() { return current_stream(); }

 private:
  static L* data(const Tensor& bytes) { return reinterpret_cast<L*>(bytes.mutable_data_ptr()); }
  const float* units() const { return units_BD_.const_data_ptr<float>(); }
  const float* references() const { return references_B_.const_data_ptr<float>(); }
  const L* narrow_units() const {
    if constexpr (narrow<L>) return data(narrow_units_);
    if constexpr (!narrow<L>) return units();
  }
  /// Sampled rows differ from step to step, and float32 needs no second form of the centres.
  bool keeps_units() const { return narrow<L> && !rows_.defined(); }
  int64_t first_chunk(int64_t block) const { return block * chunks_of(columns_); }

  float* cosine_scratch() const {
    const int64_t most = padded(std::min(columns_, classes_));
    return static_cast<float*>(
        workspace_->scratch(cosines, static_cast<size_t>(batch_ * most) * sizeof(float)));
  }

  /// The unit centres of a block in the type of the products, (columns, D).
  const L* units_of(int64_t block) {
    if (keeps_units()) {
      refresh_unit_centres();
      return kept_units_of(block);
    }
    const int64_t most = std::min(columns_, classes_);
    auto* units =
        static_cast<L*>(workspace_->scratch(unit_scratch, static_cast<size_t>(most * dim_) * sizeof(L)));
    unit_rows<L>(centres_CD_.const_data_ptr<float>() + offset_of(block), index_of(block), columns_of(block),
                 dim_, units, stream());
    return units;
  }

  /// Makes the unit centres that the device keeps those of the centres, where others wrote there meanwhile.
  void refresh_unit_centres() {
    Workspace::UnitCentres& kept = workspace_->unit_centres;
    const auto bytes = centres_CD_.numel() * static_cast<int64_t>(sizeof(L));
    const void* of = centres_CD_.const_data_ptr();
    const uint32_t version = centres_CD_._version();
    if (kept.units.defined() && kept.units.numel() == bytes && kept.of == of && kept.version == version)
      return;
    if (!kept.units.defined() || kept.units.numel() != bytes) {
      kept.units = Tensor();
      kept.units = at::empty({bytes}, centres_CD_.options().dtype(at::kByte).requires_grad(false));
    }
    unit_rows<L>(centres_CD_.const_data_ptr<float>(), nullptr, centres_CD_.size(0), dim_, data(kept.units),
                 stream());
    kept.of = of;
    kept.version = version;
  }

  LogitBlock logits_of(int64_t block) const {
    return {cosine_scratch(),
            padded(columns_of(block)),
            batch_,
            columns_of(block),
            targets_B_.const_data_ptr<int64_t>(),
            first_of(block),
            static_cast<float>(options_.scale),
            static_cast<float>(options_.filter_threshold)};
  }

  void cosines_of(int64_t block, const L* centres) const {
    product<L>(batch_, columns_of(block), dim_, {narrow_units(), dim_}, {centres, dim_, true}, false,
               cosine_scratch(), padded(columns_of(block)));
  }

  void find_shifts(int64_t block) {
    const LogitBlock logits = logits_of(block);
    const int64_t chunks = chunks_of(logits.columns);
    const Tensor found = at::empty({chunks, batch_}, units_BD_.options());
    chunk_maxima(logits, found.mutable_data_ptr<float>(), stream());
    half_shifts(found.const_data_ptr<float>(), chunks, batch_, shifts_at(block), stream());
  }
  float* shifts_at(int64_t block) const { return shifts_.mutable_data_ptr<float>() + block * batch_; }

  /// Makes room for the exponentials of the first blocks.
  void keep() {
    const auto bytes_of_column = batch_ * static_cast<int64_t>(sizeof(L));
    int64_t columns = std::min(classes_, options_.budget / bytes_of_column / columns_ * columns_);
    if (padded(classes_) * bytes_of_column <= options_.budget) columns = classes_;
    if (columns <= 0) return;
    kept_columns_ = columns;
    kept_ = workspace_->borrow(static_cast<size_t>(padded(columns) * bytes_of_column));
  }
  bool keeps(int64_t block) const { return first_of(block) + columns_of(block) <= kept_columns_; }

  /// Where the exponentials of a block go.
  std::pair<L*, int64_t> place_of(int64_t block) const {
    if (keeps(block)) return {data(kept_) + first_of(block), padded(kept_columns_)};
    const int64_t stride = padded(columns_of(block));
    if constexpr (!narrow<L>) return {cosine_scratch(), stride};
    const int64_t most = padded(std::min(columns_, classes_));
    const auto bytes = static_cast<size_t>(batch_ * most) * sizeof(L);
    return {static_cast<L*>(workspace_->scratch(exponentials_scratch, bytes)), stride};
  }

  /// The exponentials of a block whose cosines are there.
  Matrix<L> exponentials_of(int64_t block, float* sums) const {
    const auto [values, stride] = place_of(block);
    const float* shifts = references();
    if constexpr (scaled<L>) shifts = shifts_at(block);
    exponentials<L>(logits_of(block), shifts, values, stride, sums, stream());
    return {values, stride};
  }

  /// outputs += exponentials times unit centres.
  void add_outputs(int64_t block, const Matrix<L>& values, const L* centres, const Tensor& outputs_BD) const {
    float* outputs = outputs_BD.mutable_data_ptr<float>();
    if constexpr (!scaled<L>) {
      product<L>(batch_, dim_, columns_of(block), values, {centres, dim_}, block > 0, outputs, dim_);
    } else {
      if (block == 0) outputs_BD.zero_();
      auto* part = static_cast<float*>(
          workspace_->scratch(outputs_part, static_cast<size_t>(batch_ * dim_) * sizeof(float)));
      product<L>(batch_, dim_, columns_of(block), values, {centres, dim_}, false, part, dim_);
      add_rows(part, shifts_at(block), references(), batch_, dim_, outputs, stream());
    }
  }

  /// The exponentials of a block for the update, kept or computed again; in float16 the probabilities.
  Matrix<L> update_operand(int64_t block) {
    Matrix<L> values{};
    if (keeps(block)) {
      values = {data(kept_) + first_of(block), padded(kept_columns_)};
    } else {
      cosines_of(block, units_of(block));
      values = exponentials_of(block, nullptr);
    }
    if constexpr (scaled<L>) {
      const int64_t stride = padded(columns_of(block));
      const auto bytes = static_cast<size_t>(batch_ * padded(std::min(columns_, classes_))) * sizeof(L);
      auto* probabilities = static_cast<L*>(workspace_->scratch(exponentials_scratch, bytes));
      halves_to_probabilities(values.data, values.stride, batch_, columns_of(block), shifts_at(block),
                              references(), shares_B_.const_data_ptr<double>(), probabilities, stride,
                              stream());
      values = {probabilities, stride};
    }
    return values;
  }

  Tensor centres_CD_;
  Tensor rows_;
  int64_t classes_;
  int64_t batch_;
  int64_t dim_;
  int64_t columns_;
  MarginSoftmaxOptions options_;
  Tensor units_BD_;
  Tensor targets_B_;
  std::shared_ptr<Workspace> workspace_;
  Tensor narrow_units_;
  Tensor references_B_;
  Tensor shifts_;  // of float16, (blocks, B)
  Tensor kept_;
  int64_t kept_columns_ = 0;

  // Of an update. A probability of float16 carries half_top.
  static constexpr float top = scaled<L> ? half_top : 1.0f;
  Factor factor_;
  Tensor device_factor_;
  Tensor shares_B_;
  Tensor target_gradients_B_;
  L* weighted_ = nullptr;
};

template <class Body>
auto dispatch(Precision precision, const Body& body) {
  switch (precision) {
    case Precision::bfloat16:
      return body(BFloat16{});
    case Precision::float16:
      return body(Half{});
    default:
      return body(float{});
  }
}

template <class L>
DeviceWalk<L>& walk_of(const GradientTerm& term) {
  return static_cast<DeviceWalk<L>&>(*term.walk);
}

/// Calls `sink(walk, block, gradients, factor)` for the blocks of terms whose rows are the same.
template <class L, class Sink>
void walk_blocks(const std::vector<GradientTerm>& terms, const Tensor& centres_CD, const Sink& sink) {
  size_t slot = first_of_pass;
  for (const GradientTerm& term : terms) {
    walk_of<L>(term).walk_over(centres_CD);
    walk_of<L>(term).prepare_update(term, slot++);
  }
  DeviceWalk<L>& first = walk_of<L>(terms.front());
  for (int64_t block = 0; block < first.blocks(); ++block) {
    const auto bytes = static_cast<size_t>(first.columns_of(0) * first.dim()) * sizeof(float);
    auto* gradients = static_cast<float*>(first.workspace().scratch(gradients_scratch, bytes));
    first.block_gradients(block, gradients);
    if (terms.size() == 1) {
      sink(first, block, gradients, first.factor());
      continue;
    }
    const int64_t count = first.columns_of(block) * first.dim();
    auto* sum = static_cast<float*>(first.workspace().scratch(gradients_sum, bytes));
    add_scaled(gradients, count, first.factor(), false, sum, first.stream());
    for (size_t t = 1; t < terms.size(); ++t) {
      DeviceWalk<L>& walk = walk_of<L>(terms[t]);
      walk.block_gradients(block, gradients);
      add_scaled(gradients, count, walk.factor(), true, sum, walk.stream());
    }
    sink(first, block, sum, Factor{});
  }
  for (const GradientTerm& term : terms) walk_of<L>(term).walk_over({});
}

/// Terms of different rows: their gradients meet in a matrix of the rows they cover.
template <class L>
void update_united_rows(const std::vector<GradientTerm>& terms, const Tensor& centres_CD, float* velocities,
                        const RowStep<float>& step, const float* found_inf) {
  const int64_t dim = centres_CD.size(1);
  const Tensor united = united_rows(terms, centres_CD);
  Tensor gradients_UD = at::zeros({united.size(0), dim}, centres_CD.options().requires_grad(false));
  for (const GradientTerm& term : terms) {
    const Tensor rows = term.rows.defined() ? term.rows : at::arange(centres_CD.size(0), united.options());
    const Tensor places = at::searchsorted(united, rows);
    walk_blocks<L>({term}, centres_CD,
                   [&](DeviceWalk<L>& walk, int64_t block, float* gradients, const Factor& factor) {
                     const int64_t columns = walk.columns_of(block);
                     add_scaled(gradients, columns * dim, factor, false, gradients, walk.stream());
                     const Tensor part = at::from_blob(gradients, {columns, dim}, gradients_UD.options());
                     // No row comes twice in a term, so the order of the sums is always the same.
                     gradients_UD.index_add_(0, places.narrow(0, walk.first_of(block), columns), part);
                   });
  }
  step_rows<float>(gradients_UD.const_data_ptr<float>(), united.const_data_ptr<int64_t>(), united.size(0),
                   dim, Factor{}, step, found_inf, centres_CD.mutable_data_ptr<float>(), velocities, nullptr,
                   current_stream());
}

std::shared_ptr<Walk> begin_walk(const ClassShard& shard, const WalkBatch& batch,
                                 const MarginSoftmaxOptions& options,
                                 const std::shared_ptr<Workspace>& workspace) {
  return dispatch(options.precision, [&](auto type) -> std::shared_ptr<Walk> {
    return std::make_shared<DeviceWalk<decltype(type)>>(shard, batch, options, workspace);
  });
}

Precision precision_of(const std::vector<GradientTerm>& terms) {
  return static_cast<const AnyDeviceWalk&>(*terms.front().walk).precision;
}

void gradient(const std::vector<GradientTerm>& terms, const Tensor& centres_CD, Tensor& gradient_CD) {
  const int64_t dim = centres_CD.size(1);
  dispatch(precision_of(terms), [&](auto type) {
    using L = decltype(type);
    walk_blocks<L>(terms, centres_CD,
                   [&](DeviceWalk<L>& walk, int64_t block, float* gradients, const Factor& factor) {
                     const int64_t offset = walk.offset_of(block);
                     gradient_rows(gradients, walk.index_of(block),
                                   centres_CD.const_data_ptr<float>() + offset, walk.columns_of(block), dim,
                                   factor, gradient_CD.data_ptr<float>() + offset, walk.stream());
                   });
  });
}

void update(const std::vector<GradientTerm>& terms, const Tensor& centres_CD, const Tensor& velocity_CD,
            const SgdOptions& options, const Tensor& found_inf, const std::shared_ptr<Workspace>& workspace) {
  const int64_t dim = centres_CD.size(1);
  const RowStep<float> step{static_cast<float>(options.lr), static_cast<float>(options.momentum),
                            static_cast<float>(options.weight_decay), options.nesterov};
  auto* centres = centres_CD.mutable_data_ptr<float>();
  float* velocities = options.momentum != 0 ? velocity_CD.mutable_data_ptr<float>() : nullptr;
  const float* found = found_inf.defined() ? found_inf.const_data_ptr<float>() : nullptr;
  dispatch(precision_of(terms), [&](auto type) {
    using L = decltype(type);
    if (!same_rows(terms)) return update_united_rows<L>(terms, centres_CD, velocities, step, found);
    walk_blocks<L>(
        terms, centres_CD, [&](DeviceWalk<L>& walk, int64_t block, float* gradients, const Factor& factor) {
          const int64_t offset = walk.offset_of(block);
          step_rows<L>(gradients, walk.index_of(block), walk.columns_of(block), dim, factor, step, found,
                       centres + offset, velocities != nullptr ? velocities + offset : nullptr,
                       walk.kept_units_of(block), walk.stream());
        });
  });
  // Rows that moved alone did so without the unit centres.
  if (terms.front().rows.defined() || !same_rows(terms)) workspace->unit_centres.of = nullptr;
}

int64_t default_budget(Workspace& workspace) {
  // Half of what is free when the head first walks: the rest is the backbone's.
  if (workspace.device_budget < 0) workspace.device_budget = free_memory() / 2;
  return workspace.device_budget;
}

const HeadDevice device{
    begin_walk,
    gradient,
    update,
    default_budget,
    &sample_kernels(),
    nullptr,
    [](uint64_t draw, int64_t count, int64_t* keys) { class_keys(draw, count, keys, current_stream()); },
    [] { return static_cast<KernelStream>(current_stream()); }};
#ifndef KAPPA_BLOCK_COLUMNS
[[maybe_unused]] const bool registered = (register_head_device(at::kCUDA, &device), true);
#endif

}  // namespace
}  // namespace kappa::cuda
