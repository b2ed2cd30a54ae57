#include "concentration/concentration_js.h"

#include "concentration/class_sums.h"
#include "concentration/concentration.h"
#include "concentration/memory_buffer.h"
#include "runtime/call.h"
#include "runtime/class_range_js.h"
#include "runtime/labels.h"
#include "runtime/shard_group_js.h"

namespace kappa {

template <>
struct HandleType<std::shared_ptr<MemoryBuffer>> {
  static constexpr napi_type_tag tag = {0x6b61707061666163ULL, 0x0000000000000005ULL};
  static constexpr const char* name = "memory buffer";
  static constexpr const char* type = "MemoryBufferHandle";
};

template <>
struct Fields<StepBatches> {
  static constexpr const char* name = "StepBatches";
  static constexpr std::tuple list{Field{"embeddings", &StepBatches::embeddings},
                                   Field{"labels", &StepBatches::labels},
                                   Field{"indices", &StepBatches::indices}};
};

template <>
struct Fields<MemoryBufferOptions> {
  static constexpr const char* name = "MemoryBufferOptions";
  static constexpr std::tuple list{
      Field{"classes", &MemoryBufferOptions::classes}, Field{"numSamples", &MemoryBufferOptions::num_samples},
      Field{"embeddingSize", &MemoryBufferOptions::embedding_size},
      Field{"alpha", &MemoryBufferOptions::alpha}, Field{"storage", &MemoryBufferOptions::storage}};
};

template <>
struct Fields<MemoryState> {
  static constexpr const char* name = "MemoryState";
  static constexpr std::tuple list{
      Field{"buffer", &MemoryState::buffer_RD}, Field{"samples", &MemoryState::samples_R},
      Field{"sums", &MemoryState::sums_CD}, Field{"counts", &MemoryState::counts_C}};
};

/// Where class sums are kept.
struct ClassSums {
  at::Tensor sums;
  at::Tensor counts;
  ClassRange classes;
};
template <>
struct Fields<ClassSums> {
  static constexpr const char* name = "ClassSums";
  static constexpr std::tuple list{Field{"sums", &ClassSums::sums}, Field{"counts", &ClassSums::counts},
                                   Field{"classes", &ClassSums::classes}};
};

struct ClassConcentration {
  at::Tensor mean_resultant_length;
  at::Tensor kappa;
};
template <>
struct Fields<ClassConcentration> {
  static constexpr const char* name = "ClassConcentration";
  static constexpr std::tuple list{Field{"meanResultantLength", &ClassConcentration::mean_resultant_length},
                                   Field{"kappa", &ClassConcentration::kappa}};
};

/// What class margins are computed from.
struct ClassStatistics {
  at::Tensor mean_resultant_length;
  at::Tensor kappa;
  at::Tensor counts;
  at::Tensor samples_per_class;
};
template <>
struct Fields<ClassStatistics> {
  static constexpr const char* name = "ClassStatistics";
  static constexpr std::tuple list{Field{"meanResultantLength", &ClassStatistics::mean_resultant_length},
                                   Field{"kappa", &ClassStatistics::kappa},
                                   Field{"counts", &ClassStatistics::counts},
                                   Field{"samplesPerClass", &ClassStatistics::samples_per_class}};
};

struct MarginRule {
  double temperature = 0;
  double gamma = 0;
  bool paper = false;
};
template <>
struct Fields<MarginRule> {
  static constexpr const char* name = "MarginRule";
  static constexpr std::tuple list{Field{"temperature", &MarginRule::temperature},
                                   Field{"gamma", &MarginRule::gamma}, Field{"paper", &MarginRule::paper}};
};

struct ClassMarginScale {
  at::Tensor concentration_weight;
  at::Tensor population_weight;
  at::Tensor margin_scale;
};
template <>
struct Fields<ClassMarginScale> {
  static constexpr const char* name = "ClassMarginScale";
  static constexpr std::tuple list{Field{"concentrationWeight", &ClassMarginScale::concentration_weight},
                                   Field{"populationWeight", &ClassMarginScale::population_weight},
                                   Field{"marginScale", &ClassMarginScale::margin_scale}};
};

namespace {

StepBatches with_int64(StepBatches step) {
  for (at::Tensor& labels : step.labels) labels = as_int64(labels, "labels");
  for (at::Tensor& indices : step.indices) indices = as_int64(indices, "sample indices");
  return step;
}

}  // namespace

void register_concentration(Registry& registry) {
  using at::Tensor;
  using Memory = std::shared_ptr<MemoryBuffer>;
  registry.sync("memoryBuffer", {"options", "samplesPerClass"},
                [](const MemoryBufferOptions& options, const HostBytes& samples_per_class) {
                  return std::make_shared<MemoryBuffer>(
                      options, samples_per_class.content.view(samples_per_class.dtype));
                });
  registry.sync("memoryBufferState", {"memory"}, [](const Memory& memory) { return memory->state(); });
  registry.async("memoryBufferClear", {"memory"}, [](const Memory& memory) { memory->clear(); });
  registry.async("memoryBufferUpdate", {"memory", "step", "group"},
                 [](const Memory& memory, const StepBatches& step, const MaybeGroup& group) {
                   memory->update(with_int64(step), pointer_to(group));
                 });
  registry.sync("disposeMemoryBuffer", {"memory"},
                [](const Boxed<Memory>& memory) { dispose_box(*memory.box); });
  registry.async("addToClassSums", {"classSums", "step", "group"},
                 [](const ClassSums& to, const StepBatches& step, const MaybeGroup& group) {
                   add_to_class_sums(to.sums, to.counts, to.classes, with_int64(step), pointer_to(group));
                 });
  registry.async("classConcentration", {"sums", "counts", "debias", "group"},
                 [](const Tensor& sums, const Tensor& counts, bool debias, const MaybeGroup& group) {
                   auto [length, kappa] = class_concentration(sums, counts, debias, pointer_to(group));
                   return ClassConcentration{length, kappa};
                 });
  registry.async("classMarginScale", {"statistics", "rule", "group"},
                 [](const ClassStatistics& statistics, const MarginRule& rule, const MaybeGroup& group) {
                   auto [wk, ws, psi] =
                       class_margin_scale(statistics.mean_resultant_length, statistics.kappa,
                                          statistics.counts, statistics.samples_per_class, rule.temperature,
                                          rule.gamma, rule.paper, pointer_to(group));
                   return ClassMarginScale{wk, ws, psi};
                 });
}

}  // namespace kappa
