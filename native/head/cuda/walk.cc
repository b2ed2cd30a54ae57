#include "head/cuda/walk.h"

#include <ATen/ATen.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include "head/cuda/kernels.h"
#include "runtime/error.h"

namespace kappa::cuda {
namespace {

using at::Tensor;

// Classes in a block: enough to fill a device, few enough for the logits to stay near its cache. The same for
// every batch, so that batches can be updated together.
#ifndef KAPPA_BLOCK_COLUMNS
#define KAPPA_BLOCK_COLUMNS 8192
#endif
constexpr int64_t block_columns = KAPPA_BLOCK_COLUMNS;

template <class L>
constexpr at::ScalarType type_of() {
  if constexpr (std::is_same_v<L, float>) return at::kFloat;
  if constexpr (std::is_same_v<L, Half>) return at::kHalf;
  return at::kBFloat16;
}

template <class L>
L* data(const Tensor& tensor) {
  return reinterpret_cast<L*>(tensor.mutable_data_ptr());
}
float* floats(const Tensor& tensor) { return tensor.data_ptr<float>(); }
float* floats_or_null(const Tensor& tensor) { return tensor.defined() ? floats(tensor) : nullptr; }

/// A block of classes: `columns` walked rows from `first` on, and its logits.
struct Block {
  int64_t first = 0;
  int64_t columns = 0;
  int64_t stride = 0;
  Tensor exponentials;  // (B, stride); undefined unless kept
  Tensor maxima_B;
};

/// A copy on the device that nobody waits for: from pageable memory the driver would.
Tensor upload(const Tensor& host, const at::Device& device) {
  return host.device() == device ? host : host.pin_memory().to(device, /*non_blocking=*/true);
}

/// What a pass on the device leaves for the update walk.
struct DevicePass : SoftmaxPass {
  Tensor host_rows;                   // the walked rows, on the CPU; undefined for all of them
  Tensor narrow_units_BD;             // in the type of the logits
  Tensor state_7B;                    // the fields of SampleState
  Tensor positions_B;                 // int64, the walked row of each target; -1 where it is elsewhere
  mutable std::vector<Block> blocks;  // what is kept of a block is used up by its first update

  int64_t kept_bytes() const override {
    int64_t bytes = 0;
    for (const Block& block : blocks) {
      if (block.exponentials.defined()) bytes += static_cast<int64_t>(block.exponentials.nbytes());
    }
    return bytes;
  }

  SampleState state() const {
    float* fields = floats(state_7B);
    const int64_t batch = state_7B.size(1);
    return {fields,
            fields + batch,
            fields + 2 * batch,
            fields + 3 * batch,
            fields + 4 * batch,
            fields + 5 * batch,
            fields + 6 * batch};
  }
};

template <class L>
int64_t padded(int64_t columns) {
  constexpr int64_t pack = Pack<L>::size;
  return (columns + pack - 1) / pack * pack;
}

/// Matrix product with float32 sums and a float32 result.
Tensor wide_product(const Tensor& a, const Tensor& b) {
  if (a.scalar_type() == at::kFloat) return at::mm(a, b);
  // Only CUDA has such a product; the tests walk on the CPU.
  return a.is_cuda() ? at::mm(a, b, at::kFloat) : at::mm(a.to(at::kFloat), b.to(at::kFloat));
}

const int64_t* index_at(const SoftmaxPass& pass, int64_t first) {
  return pass.rows.defined() ? pass.rows.const_data_ptr<int64_t>() + first : nullptr;
}
/// Where the rows of a block begin: with an index the index says it.
int64_t offset_of(const SoftmaxPass& pass, int64_t first, int64_t dim) {
  return pass.rows.defined() ? 0 : first * dim;
}

/// The cosines of a block, (B, stride), from centres brought to length 1; the units come back too.
template <class L>
std::pair<Tensor, Tensor> cosines_of(const DevicePass& pass, const Tensor& centres_CD, const Block& block,
                                     cudaStream_t stream) {
  const int64_t batch = pass.units_BD.size(0);
  const int64_t dim = pass.units_BD.size(1);
  const auto options = pass.units_BD.options();
  Tensor units = at::empty({block.columns, dim}, options.dtype(type_of<L>()));
  Tensor inverse = at::empty({block.columns}, options);
  unit_rows<L>(floats(centres_CD) + offset_of(pass, block.first, dim), index_at(pass, block.first),
               block.columns, dim, data<L>(units), floats(inverse), stream);
  Tensor cosines = at::empty({batch, block.stride}, options.dtype(type_of<L>()));
  Tensor used = cosines.narrow(1, 0, block.columns);
  at::mm_out(used, pass.narrow_units_BD, units.t());
  return {cosines, units};
}

template <class L>
SoftmaxResult forward_of(const Tensor& embeddings_BD, const ClassShard& shard, const Tensor& labels_B,
                         const Tensor& margins_C, const MarginSoftmaxOptions& options,
                         const SoftmaxWishes& wishes, ShardReduction* reduction) {
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
  const int64_t batch = embeddings_BD.size(0);
  const int64_t dim = embeddings_BD.size(1);
  const auto wide = embeddings_BD.options();
  const auto scale = static_cast<float>(options.scale);

  auto pass = std::make_shared<DevicePass>();
  pass->options = options;
  pass->host_rows = shard.rows;
  pass->rows = shard.rows.defined() ? upload(shard.rows, embeddings_BD.device()) : Tensor();
  pass->classes = shard.count();
  pass->units_BD = at::empty({batch, dim}, wide);
  pass->narrow_units_BD = at::empty({batch, dim}, wide.dtype(type_of<L>()));
  pass->state_7B = at::empty({7, batch}, wide);
  const Tensor labels = upload(labels_B, embeddings_BD.device());
  const Tensor local = labels - shard.first_class;
  const Tensor here = (local >= 0).logical_and(local < shard.centres_CD.size(0));
  pass->positions_B = at::where(here, shard.rows.defined() ? at::searchsorted(pass->rows, local) : local,
                                at::full_like(local, -1));

  Tensor inverse_B = at::empty({batch}, wide);
  unit_rows<float>(floats(embeddings_BD), nullptr, batch, dim, floats(pass->units_BD), floats(inverse_B),
                   stream);
  unit_rows<L>(floats(embeddings_BD), nullptr, batch, dim, data<L>(pass->narrow_units_BD), floats(inverse_B),
               stream);
  const SampleState state = pass->state();
  const int64_t classes = shard.centres_CD.size(0);
  target_logits(floats(pass->units_BD), floats(shard.centres_CD), labels.const_data_ptr<int64_t>(),
                floats(margins_C), batch, dim, shard.first_class, classes, scale, options.margin, state,
                stream);
  if (reduction != nullptr) {
    Tensor logits = pass->state_7B[1];
    reduction->sum(logits);
    pass->state_7B[3].copy_(logits);
  }

  Tensor outputs_BD = wishes.embeddings_gradient ? at::zeros({batch, dim}, wide) : Tensor();
  int64_t kept_bytes = 0;
  for (int64_t first = 0; first < pass->classes; first += block_columns) {
    Block block;
    block.first = first;
    block.columns = std::min(block_columns, pass->classes - first);
    block.stride = padded<L>(block.columns);
    block.maxima_B = at::empty({batch}, wide);
    auto [exponentials, units] = cosines_of<L>(*pass, shard.centres_CD, block, stream);
    const Tensor targets = pass->positions_B - first;
    softmax_block<L>(data<L>(exponentials), block.stride, batch, block.columns,
                     targets.const_data_ptr<int64_t>(), scale, static_cast<float>(options.filter_threshold),
                     state, floats(block.maxima_B), floats_or_null(outputs_BD), dim, stream);
    if (outputs_BD.defined()) outputs_BD.add_(wide_product(exponentials.narrow(1, 0, block.columns), units));
    const auto bytes = static_cast<int64_t>(exponentials.nbytes());
    if (wishes.centres_update && kept_bytes + bytes <= options.budget) {
      kept_bytes += bytes;
      block.exponentials = exponentials;
    }
    pass->blocks.push_back(std::move(block));
  }

  if (reduction != nullptr) {
    Tensor overall = pass->state_7B[3].clone();
    reduction->maximum(overall);
    const Tensor shrink = (pass->state_7B[3] - overall).exp();
    Tensor sums = pass->state_7B[4] * shrink;
    reduction->sum(sums);
    pass->state_7B[3].copy_(overall);
    pass->state_7B[4].copy_(sums);
    if (outputs_BD.defined()) outputs_BD.mul_(shrink.unsqueeze(1));
  }
  finish_samples(batch, state, stream);

  SoftmaxResult result;
  result.loss = pass->state_7B[5].mean();
  result.target_cosines_B = pass->state_7B[0].clone();
  if (reduction == nullptr) {
    // A label that no class has cannot be reported without waiting for the device: the loss is not a number.
    result.loss = at::where(here.all(), result.loss, at::full_like(result.loss, NAN));
  }
  if (wishes.embeddings_gradient) {
    Tensor gradient_BD = at::empty({batch, dim}, wide);
    embedding_gradients(floats(outputs_BD), floats(pass->units_BD), floats(inverse_B),
                        floats(shard.centres_CD), labels.const_data_ptr<int64_t>(), batch, dim,
                        shard.first_class, classes, scale / static_cast<float>(batch), reduction == nullptr,
                        state, floats(gradient_BD), stream);
    if (reduction != nullptr) {
      reduction->sum(gradient_BD);
      through_normalization(floats(pass->units_BD), floats(inverse_B), batch, dim, floats(gradient_BD),
                            stream);
    }
    result.embeddings_gradient_BD = gradient_BD;
  }
  if (wishes.centres_update) result.pass = pass;
  return result;
}

/// The gradient by the unit vectors of a block's centres over scale / batch, (columns, D).
template <class L>
Tensor block_gradients(const DevicePass& pass, const Tensor& units_BD, const Tensor& centres_CD, Block& block,
                       cudaStream_t stream) {
  const int64_t batch = pass.units_BD.size(0);
  const Tensor targets = pass.positions_B - block.first;
  Tensor gradients = std::exchange(block.exponentials, Tensor());
  Tensor maxima_B = block.maxima_B;
  if (!gradients.defined()) {
    gradients = cosines_of<L>(pass, centres_CD, block, stream).first;
    // The maxima are final: the block's own cannot raise them. Its sum goes nowhere.
    Tensor scratch = pass.state_7B.slice(0, 3, 5).clone();
    SampleState state = pass.state();
    state.maxima = floats(scratch);
    state.sums = floats(scratch) + batch;
    maxima_B = at::empty({batch}, pass.units_BD.options());
    softmax_block<L>(data<L>(gradients), block.stride, batch, block.columns,
                     targets.const_data_ptr<int64_t>(), static_cast<float>(pass.options.scale),
                     static_cast<float>(pass.options.filter_threshold), state, floats(maxima_B), nullptr,
                     pass.units_BD.size(1), stream);
  }
  gradient_block<L>(data<L>(gradients), block.stride, batch, block.columns, targets.const_data_ptr<int64_t>(),
                    floats(maxima_B), pass.state(), stream);
  return wide_product(gradients.narrow(1, 0, block.columns).t(), units_BD);
}

double share_of(const WeightedPass& weighted) {
  return weighted.weight * weighted.pass->options.scale /
         static_cast<double>(weighted.pass->units_BD.size(0));
}

/// Calls `sink(pass, block, gradients, factor, stream)` for the blocks of the passes, whose rows are the
/// same.
template <class L, class Sink>
void walk_blocks(const std::vector<WeightedPass>& passes, const Tensor& centres_CD, const Sink& sink) {
  const cudaStream_t stream = c10::cuda::getCurrentCUDAStream();
  std::vector<Tensor> units;
  for (const WeightedPass& weighted : passes) {
    const auto& pass = static_cast<const DevicePass&>(*weighted.pass);
    const Tensor& upstream = weighted.device_weight;
    units.push_back(upstream.defined() ? (pass.units_BD * upstream).to(pass.narrow_units_BD.scalar_type())
                                       : pass.narrow_units_BD);
  }
  const auto& first = static_cast<const DevicePass&>(*passes.front().pass);
  for (size_t b = 0; b < first.blocks.size(); ++b) {
    Tensor gradients = block_gradients<L>(first, units[0], centres_CD, first.blocks[b], stream);
    double factor = share_of(passes[0]);
    for (size_t p = 1; p < passes.size(); ++p) {
      const auto& pass = static_cast<const DevicePass&>(*passes[p].pass);
      if (p == 1) {
        gradients.mul_(factor);
        factor = 1;
      }
      gradients.add_(block_gradients<L>(pass, units[p], centres_CD, pass.blocks[b], stream),
                     share_of(passes[p]));
    }
    sink(first, first.blocks[b], gradients, static_cast<float>(factor), stream);
  }
}

template <class Body>
void dispatch(Precision precision, const Body& body) {
  switch (precision) {
    case Precision::bfloat16:
      return body(BFloat16{});
    case Precision::float16:
      return body(Half{});
    default:
      return body(float{});
  }
}

bool same_rows(const std::vector<WeightedPass>& passes) {
  const auto rows_of = [](const WeightedPass& weighted) -> const Tensor& {
    return static_cast<const DevicePass&>(*weighted.pass).host_rows;
  };
  const Tensor& first = rows_of(passes.front());
  return std::all_of(passes.begin(), passes.end(), [&](const WeightedPass& weighted) {
    const Tensor& rows = rows_of(weighted);
    return rows.defined() == first.defined() && (!rows.defined() || at::equal(rows, first));
  });
}

/// The rows that any of the passes walked, ascending, on the CPU.
Tensor united_rows(const std::vector<WeightedPass>& passes, int64_t classes) {
  std::vector<Tensor> samples;
  for (const WeightedPass& weighted : passes) {
    const auto& pass = static_cast<const DevicePass&>(*weighted.pass);
    samples.push_back(pass.host_rows.defined() ? pass.host_rows : at::arange(classes));
  }
  return std::get<0>(at::_unique(at::cat(samples), /*sorted=*/true));
}

/// Passes over different samples of the classes: their gradients meet in a matrix of the rows they cover.
template <class L>
void update_united_rows(const std::vector<WeightedPass>& passes, const Tensor& centres_CD,
                        const Tensor& velocity_CD, const StepOptions& step) {
  const int64_t dim = centres_CD.size(1);
  const Tensor united = united_rows(passes, centres_CD.size(0));
  Tensor gradients_UD = at::zeros({united.size(0), dim}, centres_CD.options());
  for (const WeightedPass& weighted : passes) {
    const auto& rows = static_cast<const DevicePass&>(*weighted.pass).host_rows;
    const Tensor places =
        upload(at::searchsorted(united, rows.defined() ? rows : at::arange(centres_CD.size(0))),
               centres_CD.device());
    walk_blocks<L>(
        {weighted}, centres_CD,
        [&](const DevicePass&, const Block& block, const Tensor& gradients, float factor, cudaStream_t) {
          // No row comes twice in a pass, so the order of the sums is always the same.
          gradients_UD.index_add_(0, places.narrow(0, block.first, block.columns), gradients, factor);
        });
  }
  const Tensor rows = upload(united, centres_CD.device());
  step_rows(floats(gradients_UD), rows.const_data_ptr<int64_t>(), united.size(0), dim, 1, step,
            floats(centres_CD), floats_or_null(velocity_CD), c10::cuda::getCurrentCUDAStream());
}

}  // namespace

SoftmaxResult walk_forward(const Tensor& embeddings_BD, const ClassShard& shard, const Tensor& labels_B,
                           const Tensor& margins_C, const MarginSoftmaxOptions& options,
                           const SoftmaxWishes& wishes, ShardReduction* reduction) {
  const c10::cuda::CUDAGuard device(embeddings_BD.device());
  SoftmaxResult result;
  dispatch(options.precision, [&](auto logits) {
    result =
        forward_of<decltype(logits)>(embeddings_BD, shard, labels_B, margins_C, options, wishes, reduction);
  });
  return result;
}

void walk_gradient(const std::vector<WeightedPass>& passes, const Tensor& centres_CD, Tensor& gradient_CD) {
  const c10::cuda::CUDAGuard device(centres_CD.device());
  const int64_t dim = centres_CD.size(1);
  dispatch(passes.front().pass->options.precision, [&](auto logits) {
    walk_blocks<decltype(logits)>(passes, centres_CD,
                                  [&](const DevicePass&, const Block& block, const Tensor& gradients,
                                      float factor, cudaStream_t stream) {
                                    gradient_rows(floats(gradients), floats(centres_CD) + block.first * dim,
                                                  block.columns, dim, factor, false,
                                                  floats(gradient_CD) + block.first * dim, stream);
                                  });
  });
}

void walk_update(const std::vector<WeightedPass>& passes, const Tensor& centres_CD, const Tensor& velocity_CD,
                 const SgdOptions& step) {
  const c10::cuda::CUDAGuard device(centres_CD.device());
  const int64_t dim = centres_CD.size(1);
  const StepOptions options{static_cast<float>(step.lr), static_cast<float>(step.momentum),
                            static_cast<float>(step.weight_decay), step.nesterov};
  const Tensor velocity = step.momentum != 0 ? velocity_CD : Tensor();
  dispatch(passes.front().pass->options.precision, [&](auto logits) {
    if (!same_rows(passes))
      return update_united_rows<decltype(logits)>(passes, centres_CD, velocity, options);
    walk_blocks<decltype(logits)>(passes, centres_CD,
                                  [&](const DevicePass& pass, const Block& block, const Tensor& gradients,
                                      float factor, cudaStream_t stream) {
                                    const int64_t offset = offset_of(pass, block.first, dim);
                                    step_rows(floats(gradients), index_at(pass, block.first), block.columns,
                                              dim, factor, options, floats(centres_CD) + offset,
                                              velocity.defined() ? floats(velocity) + offset : nullptr,
                                              stream);
                                  });
  });
}

}  // namespace kappa::cuda
