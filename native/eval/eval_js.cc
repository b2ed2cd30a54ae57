#include "eval/eval_js.h"

#include "eval/distractor_ranks.h"
#include "eval/pair_scores.h"
#include "eval/roc.h"
#include "eval/templates.h"
#include "eval/top_rows.h"
#include "eval/unit_rows.h"
#include "runtime/call.h"
#include "runtime/handle.h"

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

template <>
struct Fields<TopRows> {
  static constexpr const char* name = "TopRows";
  static constexpr std::tuple list{Field{"scores", &TopRows::scores_QK},
                                   Field{"indices", &TopRows::indices_QK}};
};

template <>
struct Fields<BestSoFar> {
  static constexpr const char* name = "BestSoFar";
  static constexpr std::tuple list{Field{"scores", &BestSoFar::scores_QK},
                                   Field{"indices", &BestSoFar::indices_QK}};
};

template <>
struct Fields<TopOptions> {
  static constexpr const char* name = "TopOptions";
  static constexpr std::tuple list{Field{"count", &TopOptions::count}, Field{"first", &TopOptions::first},
                                   Field{"bfloat16", &TopOptions::bfloat16}};
};

template <>
struct HandleType<std::shared_ptr<DistractorRanks>> {
  static constexpr napi_type_tag tag = {0x6b61707061666163ULL, 0x0000000000000007ULL};
  static constexpr const char* name = "ranking among distractors";
  static constexpr const char* type = "DistractorRanksHandle";
};

template <>
struct Fields<DistractorOptions> {
  static constexpr const char* name = "DistractorOptions";
  static constexpr std::tuple list{Field{"kept", &DistractorOptions::kept_S},
                                   Field{"bfloat16", &DistractorOptions::bfloat16}};
};

template <>
struct Fields<MateScores> {
  static constexpr const char* name = "MateScores";
  static constexpr std::tuple list{Field{"probes", &MateScores::probes_P},
                                   Field{"scores", &MateScores::scores_P}};
};

template <>
struct Fields<DistractorRows> {
  static constexpr const char* name = "DistractorRows";
  static constexpr std::tuple list{Field{"features", &DistractorRows::features_ND},
                                   Field{"sets", &DistractorRows::sets_N},
                                   Field{"sampled", &DistractorRows::sampled_N}};
};

template <>
struct Fields<HighestOfSet> {
  static constexpr const char* name = "HighestOfSet";
  static constexpr std::tuple list{Field{"scores", &HighestOfSet::scores},
                                   Field{"probes", &HighestOfSet::probes}};
};

template <>
struct Fields<DistractorResult> {
  static constexpr const char* name = "DistractorResult";
  static constexpr std::tuple list{Field{"above", &DistractorResult::above_SP},
                                   Field{"highest", &DistractorResult::highest_S},
                                   Field{"histogram", &DistractorResult::histogram_SB}};
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
  registry.async("unitRows", {"rows"}, [](const at::Tensor& rows) { return unit_rows(rows); });
  registry.async(
      "topRows", {"queries", "rows", "options", "before"},
      [](const at::Tensor& queries, const at::Tensor& rows, const TopOptions& options,
         const std::optional<BestSoFar>& before) { return top_rows(queries, rows, options, before); });
  using Ranks = std::shared_ptr<DistractorRanks>;
  registry.async("distractorRanks", {"options", "probes", "mates"},
                 [](const DistractorOptions& options, const at::Tensor& probes, const MateScores& mates) {
                   return std::make_shared<DistractorRanks>(options, probes, mates);
                 });
  registry.async("distractorRanksAdd", {"ranks", "distractors"},
                 [](const Ranks& ranks, const DistractorRows& distractors) { ranks->add(distractors); });
  registry.async("distractorRanksResult", {"ranks"}, [](const Ranks& ranks) { return ranks->result(); });
  registry.sync("disposeDistractorRanks", {"ranks"},
                [](const Boxed<Ranks>& ranks) { dispose_box(*ranks.box); });
}

}  // namespace kappa
