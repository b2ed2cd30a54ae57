#include "concentration/concentration_js.h"

#include "concentration/concentration.h"
#include "runtime/call.h"
#include "runtime/labels.h"

namespace kappa {

/// A batch for the memory buffer, which lies in the first four tensors.
struct MemoryUpdate {
  at::Tensor buffer, visited, sums, counts;
  at::Tensor embeddings, indices, labels;
  double alpha = 0;
};
template <>
struct Fields<MemoryUpdate> {
  static constexpr const char* name = "MemoryUpdate";
  static constexpr std::tuple list{Field{"buffer", &MemoryUpdate::buffer},
                                   Field{"visited", &MemoryUpdate::visited},
                                   Field{"sums", &MemoryUpdate::sums},
                                   Field{"counts", &MemoryUpdate::counts},
                                   Field{"embeddings", &MemoryUpdate::embeddings},
                                   Field{"indices", &MemoryUpdate::indices},
                                   Field{"labels", &MemoryUpdate::labels},
                                   Field{"alpha", &MemoryUpdate::alpha}};
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

void register_concentration(Registry& registry) {
  using at::Tensor;
  registry.async("updateMemory", {"update"}, [](const MemoryUpdate& update) {
    update_memory(update.buffer, update.visited, update.sums, update.counts, update.embeddings,
                  as_int64(update.indices, "sample indices"), as_int64(update.labels, "labels"),
                  update.alpha);
  });
  registry.async(
      "addToClassSums", {"sums", "counts", "embeddings", "labels"},
      [](const Tensor& sums, const Tensor& counts, const Tensor& embeddings, const Tensor& labels) {
        add_to_class_sums(sums, counts, embeddings, as_int64(labels, "labels"));
      });
  registry.async("classConcentration", {"sums", "counts", "debias"},
                 [](const Tensor& sums, const Tensor& counts, bool debias) {
                   auto [length, kappa] = class_concentration(sums, counts, debias);
                   return ClassConcentration{length, kappa};
                 });
  registry.async("classMarginScale", {"statistics", "rule"},
                 [](const ClassStatistics& statistics, const MarginRule& rule) {
                   auto [wk, ws, psi] = class_margin_scale(statistics.mean_resultant_length, statistics.kappa,
                                                           statistics.counts, statistics.samples_per_class,
                                                           rule.temperature, rule.gamma, rule.paper);
                   return ClassMarginScale{wk, ws, psi};
                 });
}

}  // namespace kappa
