#include "head/margin_softmax.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "runtime/error.h"

namespace kappa {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr double norm_epsilon = 1e-12;

struct Normalized {
  Tensor unit;            // rows of length 1
  Tensor inverse_length;  // one a row, 0 for rows without a direction
};

Normalized normalize_rows(const Tensor& rows) {
  Tensor length = rows.norm(2, {1}, true);
  Tensor inverse = at::where(length > norm_epsilon, length.reciprocal(), at::zeros_like(length));
  return {rows * inverse, inverse};
}

/// Gradient through x -> x / |x|: what is left of g across the unit vector, divided by the length. Takes over
/// g.
Tensor normalize_backward(Tensor&& gradient, const Normalized& rows) {
  Tensor along = (gradient * rows.unit).sum({1}, true);
  return gradient.addcmul_(rows.unit, along, -1).mul_(rows.inverse_length);
}

void check_arguments(const Tensor& embeddings_BD, const Tensor& centres_CD, const Tensor& labels_B,
                     const Tensor& margins_C) {
  require(embeddings_BD.dim() == 2 && centres_CD.dim() == 2 && embeddings_BD.size(1) == centres_CD.size(1),
          "ERR_SHAPE",
          "Expected embeddings (batch, dimension) and centres (classes, dimension) but received ",
          embeddings_BD.sizes(), " and ", centres_CD.sizes(), ".");
  const auto dtype = centres_CD.scalar_type();
  require((dtype == at::kFloat || dtype == at::kDouble) && embeddings_BD.scalar_type() == dtype &&
              margins_C.scalar_type() == dtype,
          "ERR_DTYPE", "Embeddings, centres and margins must all be float32 or all float64.");
  require(embeddings_BD.size(0) > 0, "ERR_SHAPE", "The batch is empty.");
  require(
      labels_B.dim() == 1 && labels_B.size(0) == embeddings_BD.size(0) && labels_B.scalar_type() == at::kLong,
      "ERR_SHAPE", "Expected ", embeddings_BD.size(0), " int64 labels but received ", labels_B.sizes(), ".");
  require(margins_C.dim() == 1 && margins_C.size(0) == centres_CD.size(0), "ERR_SHAPE", "Expected ",
          centres_CD.size(0), " class margins but received ", margins_C.sizes(), ".");
  const auto* label = labels_B.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < labels_B.size(0); ++i) {
    require(label[i] >= 0 && label[i] < centres_CD.size(0), "ERR_LABEL_RANGE", "Label ", label[i],
            " of sample ", i, " in the batch lies outside 0 to ", centres_CD.size(0) - 1, ": the head has ",
            centres_CD.size(0), " classes.");
  }
}

/// Puts the margins on the targets of the cosines (in place) and returns the derivatives of the targets.
template <class T>
std::vector<T> apply_margins(Tensor& cosines_BC, const Tensor& labels_B, const Tensor& margins_C,
                             Tensor& target_cosines_B, const MarginSoftmaxOptions& options) {
  const int64_t batch = cosines_BC.size(0);
  const int64_t classes = cosines_BC.size(1);
  T* cosines = cosines_BC.data_ptr<T>();
  T* target_cosines = target_cosines_B.data_ptr<T>();
  const T* margins = margins_C.const_data_ptr<T>();
  const auto* labels = labels_B.const_data_ptr<int64_t>();
  std::vector<T> derivatives(static_cast<size_t>(batch));
  for (int64_t i = 0; i < batch; ++i) {
    T& target = cosines[i * classes + labels[i]];
    target_cosines[i] = target;
    const auto logit = target_logit<T>(target, margins[labels[i]], options.kind, options.beyond_pi);
    target = logit.value;
    derivatives[static_cast<size_t>(i)] = logit.derivative;
  }
  return derivatives;
}

/// Turns softmax probabilities into the gradient of the mean loss with respect to the cosines, in place.
template <class T>
void probabilities_to_gradient(Tensor& probabilities_BC, const Tensor& labels_B,
                               const std::vector<T>& derivatives, double scale) {
  const int64_t batch = probabilities_BC.size(0);
  const int64_t classes = probabilities_BC.size(1);
  const auto* labels = labels_B.const_data_ptr<int64_t>();
  probabilities_BC.mul_(scale / static_cast<double>(batch));
  T* gradient = probabilities_BC.data_ptr<T>();
  for (int64_t i = 0; i < batch; ++i) {
    T& target = gradient[i * classes + labels[i]];
    target =
        (target - static_cast<T>(scale / static_cast<double>(batch))) * derivatives[static_cast<size_t>(i)];
  }
}

class MarginSoftmax : public torch::autograd::Function<MarginSoftmax> {
 public:
  static variable_list forward(AutogradContext* context, const Tensor& embeddings_BD,
                               const Tensor& centres_CD, const Tensor& labels_B, const Tensor& margins_C,
                               double scale, int64_t kind, int64_t beyond_pi, bool with_gradient) {
    at::NoGradGuard guard;
    const MarginSoftmaxOptions options{scale, static_cast<MarginKind>(kind),
                                       static_cast<BeyondPi>(beyond_pi)};
    const Normalized embeddings = normalize_rows(embeddings_BD);
    const Normalized centres = normalize_rows(centres_CD);
    Tensor logits_BC = embeddings.unit.matmul(centres.unit.t()).clamp_(-1, 1);
    Tensor target_cosines_B = at::empty({labels_B.size(0)}, embeddings_BD.options());
    Tensor loss;
    AT_DISPATCH_FLOATING_TYPES(logits_BC.scalar_type(), "margin_softmax", [&] {
      const auto derivatives =
          apply_margins<scalar_t>(logits_BC, labels_B, margins_C, target_cosines_B, options);
      logits_BC.mul_(scale);
      Tensor log_sum_B = logits_BC.logsumexp({1});
      loss = (log_sum_B - logits_BC.gather(1, labels_B.unsqueeze(1)).squeeze(1)).mean();
      if (with_gradient) {
        logits_BC.sub_(log_sum_B.unsqueeze(1)).exp_();
        probabilities_to_gradient<scalar_t>(logits_BC, labels_B, derivatives, scale);
      }
    });
    if (with_gradient) {
      // The upstream gradient is one number, so the gradient of the cosines is known already.
      context->save_for_backward(
          {embeddings.unit, embeddings.inverse_length, centres.unit, centres.inverse_length, logits_BC});
    }
    context->mark_non_differentiable({target_cosines_B});
    return {loss, target_cosines_B};
  }

  static variable_list backward(AutogradContext* context, const variable_list& upstream) {
    const auto saved = context->get_saved_variables();
    const Normalized embeddings{saved[0], saved[1]};
    const Normalized centres{saved[2], saved[3]};
    const Tensor& gradient_BC = saved[4];
    const Tensor& factor = upstream[0];
    Tensor embeddings_gradient;
    Tensor centres_gradient;
    if (context->needs_input_grad(0)) {
      embeddings_gradient = normalize_backward(gradient_BC.matmul(centres.unit), embeddings).mul_(factor);
    }
    if (context->needs_input_grad(1)) {
      centres_gradient = normalize_backward(gradient_BC.t().matmul(embeddings.unit), centres).mul_(factor);
    }
    return {
        embeddings_gradient, centres_gradient, Tensor(), Tensor(), Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

std::tuple<Tensor, Tensor> margin_softmax(const Tensor& embeddings_BD, const Tensor& centres_CD,
                                          const Tensor& labels_B, const Tensor& margins_C,
                                          const MarginSoftmaxOptions& options) {
  const Tensor labels = labels_B.contiguous();
  const Tensor margins = margins_C.contiguous();
  check_arguments(embeddings_BD, centres_CD, labels, margins);
  const bool with_gradient =
      at::GradMode::is_enabled() && (embeddings_BD.requires_grad() || centres_CD.requires_grad());
  auto outputs = MarginSoftmax::apply(embeddings_BD, centres_CD, labels, margins, options.scale,
                                      static_cast<int64_t>(options.kind),
                                      static_cast<int64_t>(options.beyond_pi), with_gradient);
  return {outputs[0], outputs[1]};
}

}  // namespace kappa
