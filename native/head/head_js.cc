#include "head/head_js.h"

#include "head/limit.h"
#include "head/margin_softmax.h"
#include "runtime/call.h"
#include "runtime/labels.h"

namespace kappa {

template <>
struct HandleType<std::shared_ptr<MarginSoftmax>> {
  static constexpr napi_type_tag tag = {0x6b61707061666163ULL, 0x0000000000000003ULL};
  static constexpr const char* name = "margin softmax";
};

namespace {

using Head = std::shared_ptr<MarginSoftmax>;

MarginFunction margin_function(const std::string& kind, const std::string& beyond_pi, double angle_factor,
                               double cosine_margin) {
  MarginFunction function;
  if (kind == "angular") {
    function.kind = MarginKind::angular;
  } else if (kind == "cosine") {
    function.kind = MarginKind::cosine;
  } else {
    require(kind == "combined", "ERR_ARGUMENT", "Unknown margin kind '", kind, "'.");
    function.kind = MarginKind::combined;
  }
  require(beyond_pi == "extend" || beyond_pi == "none", "ERR_ARGUMENT", "Unknown beyondPi '", beyond_pi,
          "'.");
  function.beyond_pi = beyond_pi == "extend" ? BeyondPi::extend : BeyondPi::none;
  function.angle_factor = angle_factor;
  function.cosine_margin = cosine_margin;
  return function;
}

}  // namespace

void register_head(Registry& registry) {
  registry.sync("marginSoftmax",
                [](double scale, const std::string& kind, const std::string& beyond_pi, double angle_factor,
                   double cosine_margin, double filter_threshold, const std::string& precision, double budget,
                   double sample_rate, int64_t seed) {
                  MarginSoftmaxOptions options;
                  options.scale = scale;
                  options.margin = margin_function(kind, beyond_pi, angle_factor, cosine_margin);
                  options.filter_threshold = filter_threshold;
                  options.precision = precision_named(precision);
                  options.budget = static_cast<int64_t>(budget);
                  return std::make_shared<MarginSoftmax>(
                      options, ClassSampler(sample_rate, static_cast<uint64_t>(seed), 0));
                });
  registry.async(
      "marginSoftmaxForward",
      [](const Head& head, const at::Tensor& embeddings, const at::Tensor& centres, const at::Tensor& labels,
         const at::Tensor& margins, bool fused, const std::optional<at::Tensor>& sampler_step) {
        return head->forward(embeddings, centres, as_int64(labels, "labels"), margins, fused,
                             sampler_step.value_or(at::Tensor()));
      });
  registry.async("marginSoftmaxUpdate", [](const Head& head, const at::Tensor& centres,
                                           const at::Tensor& velocity, double lr, double momentum,
                                           double weight_decay, bool nesterov,
                                           const std::optional<at::Tensor>& found_inf) {
    head->update(centres, velocity, {lr, momentum, weight_decay, nesterov}, found_inf.value_or(at::Tensor()));
  });
  registry.async("marginSoftmaxCheck", [](const Head& head, const at::Tensor& found_inf) {
    at::Tensor found = found_inf;
    head->check(found);
  });
  registry.async("marginSoftmaxUnscale", [](const Head& head, double scale) { head->unscale(scale); });
  registry.async("marginSoftmaxDrop", [](const Head& head) { head->drop(); });
  registry.async("measureHeadLimit",
                 [](int64_t batch, int64_t classes, int64_t dim, bool bf16, int64_t repeats) {
                   return measure_head_limit(batch, classes, dim, bf16, repeats);
                 });
  registry.raw("disposeMarginSoftmax",
               [](const Context& context, const Napi::CallbackInfo& info) -> Napi::Value {
                 dispose_box(unbox<Head>(info[0]));
                 return context.env.Undefined();
               });
}

}  // namespace kappa
