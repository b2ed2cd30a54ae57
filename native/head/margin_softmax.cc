#include "head/margin_softmax.h"

#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "runtime/error.h"

namespace kappa {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

void check_arguments(const Tensor& embeddings_BD, const Tensor& centres_CD, const Tensor& labels_B,
                     const Tensor& margins_C, const MarginSoftmaxOptions& options, const ClassRange& shard) {
  require(embeddings_BD.dim() == 2 && centres_CD.dim() == 2 && embeddings_BD.size(1) == centres_CD.size(1),
          "ERR_SHAPE",
          "Expected embeddings (batch, dimension) and centres (classes, dimension) but received ",
          embeddings_BD.sizes(), " and ", centres_CD.sizes(), ".");
  const auto device = centres_CD.device();
  require(embeddings_BD.device() == device && margins_C.device() == device, "ERR_DEVICE",
          "Embeddings, centres and margins must be on one device but are on ", embeddings_BD.device(), ", ",
          device, " and ", margins_C.device(), ".");
  const auto dtype = centres_CD.scalar_type();
  require(head_device(device.type()).double_samples != nullptr || dtype == at::kFloat, "ERR_DTYPE", "On ",
          device, " the head is float32.");
  require((dtype == at::kFloat || dtype == at::kDouble) && embeddings_BD.scalar_type() == dtype &&
              margins_C.scalar_type() == dtype,
          "ERR_DTYPE", "Embeddings, centres and margins must all be float32 or all float64.");
  require(options.precision == Precision::float32 || dtype == at::kFloat, "ERR_DTYPE",
          "Products in bfloat16 or float16 need embeddings, centres and margins in float32.");
  require(embeddings_BD.size(0) > 0, "ERR_SHAPE", "The batch is empty.");
  require(centres_CD.is_contiguous(), "ERR_SHAPE", "The centres must be contiguous.");
  require(
      labels_B.dim() == 1 && labels_B.size(0) == embeddings_BD.size(0) && labels_B.scalar_type() == at::kLong,
      "ERR_SHAPE", "Expected ", embeddings_BD.size(0), " int64 labels but received ", labels_B.sizes(), ".");
  require(centres_CD.size(0) == shard.count, "ERR_SHAPE", "Expected the centres of ", shard.count,
          " classes but received ", centres_CD.sizes(), ".");
  require(margins_C.dim() == 1 && margins_C.size(0) == centres_CD.size(0), "ERR_SHAPE", "Expected ",
          centres_CD.size(0), " class margins but received ", margins_C.sizes(), ".");
  if (!labels_B.is_cpu()) return;  // reading them would wait for the device
  const auto* label = labels_B.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < labels_B.size(0); ++i) {
    require(label[i] >= 0 && label[i] < shard.total, "ERR_LABEL_RANGE", "Label ", label[i], " of sample ", i,
            " in the batch lies outside 0 to ", shard.total - 1, ": the head has ", shard.total, " classes.");
  }
}

/// A pass inside an autograd graph.
struct PassHolder : torch::CustomClassHolder {
  explicit PassHolder(std::shared_ptr<SoftmaxPass> pass, std::shared_ptr<MarginSoftmax> head)
      : pass(std::move(pass)), head(std::move(head)) {}
  std::shared_ptr<SoftmaxPass> pass;
  std::shared_ptr<MarginSoftmax> head;  // only if the pass is to wait for its update
};

/// What is no input: autograd takes every tensor among the arguments for one, also an undefined one.
struct Batch {
  Tensor rows;  // the sampled ones
  Tensor labels_B;
  Margins margins;
  int64_t first_class;
  int64_t all_classes;
};

/// A copy on the device that nobody waits for: from pageable memory the driver would.
Tensor upload(const Tensor& host, const at::Device& device) {
  return host.device() == device ? host : host.pin_memory().to(device, /*non_blocking=*/true);
}

/// The rows that any of the passes walked; undefined for all of them.
Tensor sampled_rows(const std::vector<WeightedPass>& passes) {
  std::vector<Tensor> rows;
  for (const auto& [pass, weight, device_weight] : passes) {
    if (!pass->rows.defined()) return {};
    if (rows.empty() || !pass->rows.is_same(rows.back())) rows.push_back(pass->rows);
  }
  return rows.empty() ? Tensor() : at::cat(rows);
}

class Operation : public torch::autograd::Function<Operation> {
 public:
  static variable_list forward(AutogradContext* context, const Tensor& embeddings_BD,
                               const Tensor& centres_CD, const Batch& batch,
                               const MarginSoftmaxOptions& options, const SoftmaxWishes& wishes,
                               const std::shared_ptr<Workspace>& workspace,
                               const std::shared_ptr<MarginSoftmax>& waits_at, ShardGroup* group,
                               const Tensor& /*anchor*/) {
    at::NoGradGuard guard;
    const ClassShard shard{centres_CD, batch.rows, batch.first_class, batch.all_classes};
    SoftmaxResult result = softmax_forward(embeddings_BD.contiguous(), shard, batch.labels_B, batch.margins,
                                           options, wishes, workspace, group);
    // Saved centres would make autograd complain about the update in place, which is the point of waiting.
    context->save_for_backward({result.embeddings_gradient_BD, waits_at ? Tensor() : centres_CD});
    context->saved_data["pass"] =
        c10::IValue::make_capsule(c10::make_intrusive<PassHolder>(result.pass, waits_at));
    context->mark_non_differentiable({result.target_cosines_B});
    return {result.loss, result.target_cosines_B};
  }

  static variable_list backward(AutogradContext* context, const variable_list& upstream) {
    at::NoGradGuard guard;
    const variable_list saved = context->get_saved_variables();
    const Tensor& embeddings_gradient = saved[0];
    const Tensor& factor = upstream[0];
    variable_list gradients(9);
    if (embeddings_gradient.defined()) gradients[0] = embeddings_gradient * factor;
    const auto capsule = context->saved_data["pass"].toCapsule();
    const auto& holder = static_cast<const PassHolder&>(*capsule);
    if (!holder.pass) return gradients;
    WeightedPass pass{holder.pass};
    if (factor.is_cpu()) {
      pass.weight = factor.item<double>();
    } else {
      pass.device_weight = factor.detach().to(at::kFloat);
    }
    if (holder.head) {
      holder.head->wait_for_update(WeightedPass(pass));
    } else {
      Tensor gradient = at::empty_like(saved[1]);
      softmax_gradient({pass}, saved[1], gradient);
      gradients[1] = gradient;
    }
    return gradients;
  }
};

}  // namespace

MarginSoftmax::MarginSoftmax(const MarginSoftmaxOptions& options, const ClassSampler& sampler,
                             const ClassRange& shard, std::shared_ptr<ShardGroup> group)
    : options_(options), sampler_(sampler), shard_(shard), group_(std::move(group)) {
  require(shard.first >= 0 && shard.count > 0 && shard.first + shard.count <= shard.total, "ERR_ARGUMENT",
          "The classes ", shard.first, " to ", shard.first + shard.count - 1, " are none of ", shard.total,
          ".");
  require(options.scale > 0 && std::isfinite(options.scale), "ERR_ARGUMENT",
          "The scale must be above 0 but is ", options.scale, ".");
  require(sampler.rate() > 0 && sampler.rate() <= 1, "ERR_ARGUMENT",
          "The sample rate must lie in (0, 1] but is ", sampler.rate(), ".");
}

std::tuple<Tensor, Tensor> MarginSoftmax::forward(const Tensor& embeddings_BD, const Tensor& centres_CD,
                                                  const Tensor& labels_B, const Tensor& margins_C, bool fused,
                                                  const Tensor& sampler_step) {
  const Tensor labels = labels_B.contiguous();
  const Tensor margins = margins_C.contiguous();
  check_arguments(embeddings_BD, centres_CD, labels, margins, options_, shard_);
  const bool training = at::GradMode::is_enabled();
  require(!(fused && centres_CD.requires_grad()), "ERR_ARGUMENT",
          "With fusedUpdate the centres take no gradient, but these require one.");
  const SoftmaxWishes wishes{training && embeddings_BD.requires_grad(),
                             training && (fused || centres_CD.requires_grad())};
  const bool sampling = wishes.centres_update && sampler_.rate() < 1;
  require(!sampling || fused, "ERR_ARGUMENT",
          "A sample rate below 1 needs fusedUpdate: only the sampled centres may be updated.");
  Tensor rows;
  if (sampling) rows = drawn_ ? *drawn_ : draw(labels.cpu(), centres_CD, sampler_step);
  if (!workspace_) workspace_ = std::make_shared<Workspace>(centres_CD.device());
  const c10::DeviceGuard guard(centres_CD.device());
  // Passes that wait for one update share the budget.
  MarginSoftmaxOptions options = options_;
  if (options.budget < 0)
    options.budget = head_device(centres_CD.device().type()).default_budget(*workspace_);
  for (const WeightedPass& waiting : waiting_) {
    options.budget = std::max<int64_t>(0, options.budget - waiting.pass->walk->kept_bytes());
  }
  // Something must require a gradient, or autograd makes no graph: the centres do not in fused mode.
  Tensor anchor = at::zeros({}, embeddings_BD.options());
  anchor.requires_grad_(wishes.centres_update);
  const Batch batch{rows, upload(labels, centres_CD.device()), {margins}, shard_.first, shard_.total};
  auto outputs = Operation::apply(embeddings_BD, centres_CD, batch, options, wishes, workspace_,
                                  fused ? shared_from_this() : nullptr, group_.get(), anchor);
  return {outputs[0], outputs[1]};
}

Tensor MarginSoftmax::draw(const Tensor& labels_B, const Tensor& centres_CD,
                           const Tensor& sampler_step) const {
  require(sampler_step.defined() && sampler_step.scalar_type() == at::kLong && sampler_step.numel() == 1,
          "ERR_ARGUMENT", "Expected one int64 for the step of the sampler.");
  const Tensor labels = group_ ? group_->gather(labels_B) : labels_B;
  int64_t& step = *sampler_step.data_ptr<int64_t>();
  Tensor rows = sampler_.draw(step, labels, shard_, centres_CD.device());
  ++step;
  return rows;
}

void MarginSoftmax::draw_classes(const std::vector<Tensor>& labels, const Tensor& centres_CD,
                                 const Tensor& sampler_step) {
  require(!labels.empty(), "ERR_ARGUMENT", "Expected the labels of at least one batch.");
  if (sampler_.rate() < 1) drawn_ = draw(at::cat(labels).cpu(), centres_CD, sampler_step);
}

void MarginSoftmax::unscale(double scale) {
  require(scale > 0 && std::isfinite(scale), "ERR_ARGUMENT", "The scale must be above 0 but is ", scale, ".");
  for (WeightedPass& pass : waiting_) pass.weight /= scale;
}

void MarginSoftmax::check(Tensor& found_inf) const {
  at::NoGradGuard guard;
  for (const auto& [pass, weight, device_weight] : waiting_) {
    Tensor bad = pass->not_finite();
    if (device_weight.defined()) bad = at::where(device_weight.isfinite(), bad, 1);
    found_inf.add_(std::isfinite(weight) ? bad : at::ones_like(bad));
  }
}

void MarginSoftmax::update(const Tensor& centres_CD, const Tensor& velocity_CD, const SgdOptions& step,
                           const Tensor& found_inf) {
  require(step.momentum == 0 ||
              (velocity_CD.defined() && velocity_CD.sizes() == centres_CD.sizes() &&
               velocity_CD.scalar_type() == centres_CD.scalar_type() && velocity_CD.is_contiguous()),
          "ERR_SHAPE", "The velocity must have the shape, dtype and layout of the centres.");
  require(!found_inf.defined() || (found_inf.numel() == 1 && found_inf.scalar_type() == at::kFloat &&
                                   found_inf.device() == centres_CD.device()),
          "ERR_ARGUMENT", "Whether a step is left out is one float32 element on the device of the centres.");
  at::NoGradGuard guard;
  const std::vector<WeightedPass> passes = std::exchange(waiting_, {});
  drawn_.reset();
  softmax_update(passes, centres_CD, velocity_CD, step, found_inf, workspace_);
  if (options_.rows == RowRule::sampled) return;
  const Tensor rows = sampled_rows(passes);
  if (rows.defined()) move_unsampled(centres_CD, velocity_CD, rows, step, found_inf);
}

}  // namespace kappa
