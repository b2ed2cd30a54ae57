#include "head/softmax.h"

#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>

#include <type_traits>

#include "runtime/error.h"

namespace kappa {
namespace {

using at::Tensor;

/// Largest scale for which the fixed references need no walk for the maximum.
template <class T>
constexpr double widest_scale() {
  return std::is_same_v<T, float> ? 64 : 300;
}

template <class T>
const SampleKernels<T>& kernels_of(const HeadDevice& device) {
  if constexpr (std::is_same_v<T, float>) {
    return *device.float_samples;
  } else {
    require(device.double_samples != nullptr, "ERR_DTYPE", "On this device the head is float32.");
    return *device.double_samples;
  }
}

/// The numbers of the samples, as tensors.
template <class T>
struct SampleTensors {
  SampleTensors(int64_t batch, const at::TensorOptions& options)
      : narrow(at::empty({2, batch}, options)),
        wide(at::empty({5, batch}, options.dtype(at::kDouble))),
        rows(at::empty({batch}, options.dtype(at::kLong))) {
    T* n = narrow.data_ptr<T>();
    double* w = wide.data_ptr<double>();
    samples = {batch,
               n,
               n + batch,
               w,
               w + batch,
               w + 2 * batch,
               w + 3 * batch,
               w + 4 * batch,
               rows.data_ptr<int64_t>()};
  }
  Tensor cosines() const { return narrow[0]; }
  Tensor references() const { return narrow[1]; }
  Tensor logits() const { return wide[0]; }
  Tensor sums() const { return wide[2]; }
  Tensor losses() const { return wide[3]; }
  Tensor target_gradients() const { return wide[4]; }

  Tensor narrow;
  Tensor wide;
  Tensor rows;
  Samples<T> samples;
};

template <class T>
SoftmaxResult forward_of(const Tensor& embeddings_BD, const ClassShard& shard, const Tensor& own_labels_B,
                         const Margins& margins, const MarginSoftmaxOptions& options,
                         const SoftmaxWishes& wishes, const std::shared_ptr<Workspace>& workspace,
                         ShardGroup* group, const HeadDevice& device) {
  const SampleKernels<T>& kernels = kernels_of<T>(device);
  const KernelStream stream = device.stream();
  const int64_t own_batch = embeddings_BD.size(0);
  const int64_t dim = embeddings_BD.size(1);
  const auto of_centres = embeddings_BD.options().requires_grad(false);

  const Tensor own_units_BD = at::empty({own_batch, dim}, of_centres);
  const Tensor inverse_B = at::empty({own_batch}, of_centres);
  kernels.normalize(embeddings_BD.const_data_ptr<T>(), own_batch, dim, own_units_BD.data_ptr<T>(),
                    inverse_B.data_ptr<T>(), stream);
  const auto gathered = [&](const Tensor& rows) { return group != nullptr ? group->gather(rows) : rows; };
  const Tensor units_BD = gathered(own_units_BD);
  const Tensor labels_B = gathered(own_labels_B);
  const Tensor margin_values = margins.per_sample ? gathered(margins.values) : margins.values;
  const int64_t batch = units_BD.size(0);
  const int64_t classes = shard.centres_CD.size(0);

  const SampleTensors<T> tensors(batch, of_centres);
  const Samples<T>& samples = tensors.samples;
  const TargetClasses<T> targets{labels_B.const_data_ptr<int64_t>(),
                                 shard.centres_CD.const_data_ptr<T>(),
                                 shard.first_class,
                                 classes,
                                 shard.all_classes > 0 ? shard.all_classes : classes,
                                 dim,
                                 margin_values.const_data_ptr<T>(),
                                 margins.per_sample,
                                 shard.rows.defined() ? shard.rows.const_data_ptr<int64_t>() : nullptr,
                                 shard.count()};
  kernels.find_targets(units_BD.const_data_ptr<T>(), targets, options.scale, options.margin, samples, stream);
  if (group != nullptr) {
    Tensor logits = tensors.logits();
    group->sum(logits);
  }
  kernels.refer(samples, stream);

  const std::shared_ptr<Walk> walk = device.walk(shard, {units_BD, tensors.rows}, options, workspace);
  if (options.scale > widest_scale<T>()) {
    Tensor largest = walk->maxima(tensors.logits().to(of_centres.dtype()));
    if (group != nullptr) group->maximum(largest);
    tensors.references().copy_(largest);
  }
  Tensor sums_B = tensors.sums();
  const Tensor outputs_BD = walk->forward(tensors.references(), wishes, sums_B);
  if (group != nullptr) group->sum(sums_B);
  kernels.finish(samples, stream);

  SoftmaxResult result;
  result.loss = tensors.losses().mean().to(of_centres.dtype());
  result.target_cosines_B =
      group != nullptr ? group->scatter_sum(tensors.cosines()) : tensors.cosines().clone();
  const double factor = options.scale / static_cast<double>(batch);
  if (wishes.embeddings_gradient) {
    Tensor gradient_BD = at::empty({batch, dim}, of_centres);
    kernels.unit_gradients(outputs_BD.const_data_ptr<T>(), targets, samples, factor,
                           gradient_BD.data_ptr<T>(), stream);
    if (group != nullptr) gradient_BD = group->scatter_sum(gradient_BD);
    kernels.through_normalization(own_units_BD.const_data_ptr<T>(), inverse_B.const_data_ptr<T>(), own_batch,
                                  dim, gradient_BD.data_ptr<T>(), stream);
    result.embeddings_gradient_BD = gradient_BD;
  }
  if (wishes.centres_update) {
    result.pass = std::make_shared<SoftmaxPass>(SoftmaxPass{
        walk, shard.rows, tensors.sums().reciprocal(), tensors.target_gradients(), factor, dim, classes});
  }
  return result;
}

std::vector<GradientTerm> terms_of(const std::vector<WeightedPass>& passes, const Tensor& centres_CD) {
  std::vector<GradientTerm> terms;
  for (const auto& [pass, weight, device_weight] : passes) {
    require(pass->dim == centres_CD.size(1) && pass->classes == centres_CD.size(0), "ERR_SHAPE",
            "The pass was made over other centres than ", centres_CD.sizes(), ".");
    terms.push_back({pass->walk, pass->rows, pass->shares_B, pass->target_gradients_B, weight * pass->scale,
                     device_weight});
  }
  return terms;
}

const HeadDevice& device_of(const HeadDevice* given, const Tensor& centres_CD) {
  return given != nullptr ? *given : head_device(centres_CD.device().type());
}

}  // namespace

Tensor SoftmaxPass::not_finite() const {
  // A sum of exponentials is above 0: its inverse is 0 where it overflowed.
  const Tensor fine =
      shares_B.isfinite().logical_and_(shares_B > 0).logical_and_(target_gradients_B.isfinite());
  return fine.all().logical_not_().to(at::kFloat);
}

SoftmaxResult softmax_forward(const Tensor& embeddings_BD, const ClassShard& shard, const Tensor& labels_B,
                              const Margins& margins, const MarginSoftmaxOptions& options,
                              const SoftmaxWishes& wishes, const std::shared_ptr<Workspace>& workspace,
                              ShardGroup* group, const HeadDevice* device) {
  const HeadDevice& on = device_of(device, shard.centres_CD);
  const c10::DeviceGuard guard(shard.centres_CD.device());
  MarginSoftmaxOptions decided = options;
  if (decided.budget < 0) decided.budget = on.default_budget(*workspace);
  const auto forward = shard.centres_CD.scalar_type() == at::kDouble ? forward_of<double> : forward_of<float>;
  return forward(embeddings_BD, shard, labels_B, margins, decided, wishes, workspace, group, on);
}

void softmax_gradient(const std::vector<WeightedPass>& passes, const Tensor& centres_CD, Tensor& gradient_CD,
                      const HeadDevice* device) {
  if (passes.empty()) return;
  const std::vector<GradientTerm> terms = terms_of(passes, centres_CD);
  require(same_rows(terms), "ERR_ARGUMENT",
          "Passes over different samples of the classes have no one gradient.");
  const c10::DeviceGuard guard(centres_CD.device());
  device_of(device, centres_CD).gradient(terms, centres_CD, gradient_CD);
}

void softmax_update(const std::vector<WeightedPass>& passes, const Tensor& centres_CD,
                    const Tensor& velocity_CD, const SgdOptions& step, const Tensor& found_inf,
                    const std::shared_ptr<Workspace>& workspace, const HeadDevice* device) {
  if (passes.empty()) return;
  const c10::DeviceGuard guard(centres_CD.device());
  device_of(device, centres_CD)
      .update(terms_of(passes, centres_CD), centres_CD, velocity_CD, step, found_inf, workspace);
}

}  // namespace kappa
