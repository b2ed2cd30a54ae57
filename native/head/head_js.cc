#include "head/head_js.h"

#include "head/limit.h"
#include "head/margin_softmax.h"
#include "optim/sgd_js.h"
#include "runtime/call.h"
#include "runtime/class_range_js.h"
#include "runtime/labels.h"
#include "runtime/shard_group_js.h"

namespace kappa {

template <>
struct HandleType<std::shared_ptr<MarginSoftmax>> {
  static constexpr napi_type_tag tag = {0x6b61707061666163ULL, 0x0000000000000003ULL};
  static constexpr const char* name = "margin softmax";
  static constexpr const char* type = "MarginSoftmaxHandle";
};

template <>
struct Choices<MarginKind> {
  static constexpr const char* name = "MarginKind";
  static constexpr Choice<MarginKind> list[] = {
      {"angular", MarginKind::angular}, {"cosine", MarginKind::cosine}, {"combined", MarginKind::combined}};
};
template <>
struct Choices<BeyondPi> {
  static constexpr const char* name = "BeyondPi";
  static constexpr Choice<BeyondPi> list[] = {{"extend", BeyondPi::extend}, {"none", BeyondPi::none}};
};

template <>
struct Choices<RowRule> {
  static constexpr const char* name = "RowRule";
  static constexpr Choice<RowRule> list[] = {{"sampled", RowRule::sampled}, {"all", RowRule::all}};
};

template <>
struct Fields<MarginFunction> {
  static constexpr const char* name = "MarginFunction";
  static constexpr std::tuple list{Field{"kind", &MarginFunction::kind},
                                   Field{"beyondPi", &MarginFunction::beyond_pi},
                                   Field{"angleFactor", &MarginFunction::angle_factor},
                                   Field{"cosineMargin", &MarginFunction::cosine_margin}};
};

/// The options of the operation, of its sampler and of its shard.
struct HeadOptions : MarginSoftmaxOptions {
  std::optional<int64_t> memory_budget;
  double sample_rate = 1;
  int64_t seed = 0;
  ClassRange classes;
  MaybeGroup group;
};
template <>
struct Fields<HeadOptions> {
  static constexpr const char* name = "MarginSoftmaxOptions";
  static constexpr std::tuple list{Field{"scale", &HeadOptions::scale},
                                   Field{"margin", &HeadOptions::margin},
                                   Field{"filterThreshold", &HeadOptions::filter_threshold},
                                   Field{"precision", &HeadOptions::precision},
                                   Field{"memoryBudget", &HeadOptions::memory_budget},
                                   Field{"sampleRate", &HeadOptions::sample_rate},
                                   Field{"rows", &HeadOptions::rows},
                                   Field{"seed", &HeadOptions::seed},
                                   Field{"classes", &HeadOptions::classes},
                                   Field{"group", &HeadOptions::group}};
};

struct HeadBatch {
  at::Tensor embeddings;
  at::Tensor centres;
  at::Tensor labels;
  at::Tensor margins;
  bool fused = false;
  std::optional<at::Tensor> sampler_step;
};
template <>
struct Fields<HeadBatch> {
  static constexpr const char* name = "MarginSoftmaxBatch";
  static constexpr std::tuple list{
      Field{"embeddings", &HeadBatch::embeddings}, Field{"centres", &HeadBatch::centres},
      Field{"labels", &HeadBatch::labels},         Field{"margins", &HeadBatch::margins},
      Field{"fused", &HeadBatch::fused},           Field{"samplerStep", &HeadBatch::sampler_step}};
};

struct HeadLoss {
  at::Tensor loss;
  at::Tensor target_cosines;
};
template <>
struct Fields<HeadLoss> {
  static constexpr const char* name = "MarginSoftmaxLoss";
  static constexpr std::tuple list{Field{"loss", &HeadLoss::loss},
                                   Field{"targetCosines", &HeadLoss::target_cosines}};
};

/// A step of the head whose limit is measured.
struct HeadLimitCase {
  int64_t batch = 0;
  int64_t classes = 0;
  int64_t dim = 0;
  bool bf16 = false;
  int64_t repeats = 0;
};
template <>
struct Fields<HeadLimitCase> {
  static constexpr const char* name = "HeadLimitCase";
  static constexpr std::tuple list{Field{"batch", &HeadLimitCase::batch},
                                   Field{"classes", &HeadLimitCase::classes},
                                   Field{"dim", &HeadLimitCase::dim}, Field{"bf16", &HeadLimitCase::bf16},
                                   Field{"repeats", &HeadLimitCase::repeats}};
};

void register_head(Registry& registry) {
  using Head = std::shared_ptr<MarginSoftmax>;
  registry.sync("marginSoftmax", {"options"}, [](const HeadOptions& given) {
    HeadOptions options = given;
    if (options.memory_budget) options.budget = *options.memory_budget;
    return std::make_shared<MarginSoftmax>(
        options, ClassSampler(options.sample_rate, static_cast<uint64_t>(options.seed)), options.classes,
        options.group.value_or(nullptr));
  });
  registry.async("marginSoftmaxDraw", {"head", "labels", "centres", "samplerStep"},
                 [](const Head& head, const std::vector<at::Tensor>& labels, const at::Tensor& centres,
                    const at::Tensor& sampler_step) {
                   std::vector<at::Tensor> wide;
                   for (const at::Tensor& batch : labels) wide.push_back(as_int64(batch, "labels"));
                   head->draw_classes(wide, centres, sampler_step);
                 });
  registry.async("marginSoftmaxForward", {"head", "batch"}, [](const Head& head, const HeadBatch& batch) {
    auto [loss, cosines] =
        head->forward(batch.embeddings, batch.centres, as_int64(batch.labels, "labels"), batch.margins,
                      batch.fused, batch.sampler_step.value_or(at::Tensor()));
    return HeadLoss{loss, cosines};
  });
  registry.async("marginSoftmaxUpdate", {"head", "centres", "velocity", "options", "found"},
                 [](const Head& head, const at::Tensor& centres, const at::Tensor& velocity,
                    const SgdOptions& options, const std::optional<at::Tensor>& found) {
                   head->update(centres, velocity, options, found.value_or(at::Tensor()));
                 });
  registry.async("marginSoftmaxCheck", {"head", "found"}, [](const Head& head, const at::Tensor& found) {
    at::Tensor sum = found;
    head->check(sum);
  });
  registry.async("marginSoftmaxUnscale", {"head", "scale"},
                 [](const Head& head, double scale) { head->unscale(scale); });
  registry.async("marginSoftmaxDrop", {"head"}, [](const Head& head) { head->drop(); });
  registry.sync("disposeMarginSoftmax", {"head"}, [](const Boxed<Head>& head) { dispose_box(*head.box); });
  registry.async("measureHeadLimit", {"step"}, [](const HeadLimitCase& step) {
    return measure_head_limit(step.batch, step.classes, step.dim, step.bf16, step.repeats);
  });
}

}  // namespace kappa
