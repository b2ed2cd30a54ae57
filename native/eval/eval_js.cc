#include "eval/eval_js.h"

#include "eval/pair_scores.h"
#include "eval/roc.h"
#include "eval/templates.h"
#include "runtime/call.h"

namespace kappa {

template <>
struct Fields<TemplateFaces> {
  static constexpr const char* name = "TemplateFaces";
  static constexpr std::tuple list{
      Field{"features", &TemplateFaces::features_FD}, Field{"mirrored", &TemplateFaces::mirrored_FD},
      Field{"weights", &TemplateFaces::weights_F}, Field{"templates", &TemplateFaces::templates_F},
      Field{"media", &TemplateFaces::media_F}};
};

template <>
struct Fields<RocPoints> {
  static constexpr const char* name = "RocPoints";
  static constexpr std::tuple list{
      Field{"impostors", &RocPoints::impostors}, Field{"genuine", &RocPoints::genuine},
      Field{"thresholds", &RocPoints::thresholds}, Field{"allImpostors", &RocPoints::all_impostors},
      Field{"allGenuine", &RocPoints::all_genuine}};
};

void register_eval(Registry& registry) {
  registry.async("poolTemplates", {"faces", "templates", "normalises"},
                 [](const TemplateFaces& faces, int64_t templates, bool normalises) {
                   return pool_templates(faces, templates, normalises);
                 });
  registry.async("pairScores", {"rows", "first", "second"},
                 [](const at::Tensor& rows, const at::Tensor& first, const at::Tensor& second) {
                   return pair_scores(rows, first, second);
                 });
  registry.async("rocPoints", {"scores", "isGenuine", "dropsIntermediate"},
                 [](const at::Tensor& scores, const at::Tensor& is_genuine, bool drops_intermediate) {
                   return roc_points(scores, is_genuine, drops_intermediate);
                 });
}

}  // namespace kappa
