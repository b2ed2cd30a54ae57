#include "distributed/distributed_js.h"

#include "distributed/gradient_reducer.h"
#include "distributed/process_group.h"
#include "runtime/call.h"
#include "runtime/shard_group_js.h"

namespace kappa {

template <>
struct HandleType<std::shared_ptr<GradientReducer>> {
  static constexpr napi_type_tag tag = {0x6b61707061666163ULL, 0x0000000000000006ULL};
  static constexpr const char* name = "gradient reducer";
  static constexpr const char* type = "GradientReducerHandle";
};

template <>
struct Choices<Reduction> {
  static constexpr const char* name = "GroupReduction";
  static constexpr Choice<Reduction> list[] = {
      {"sum", Reduction::sum}, {"maximum", Reduction::maximum}, {"minimum", Reduction::minimum}};
};
template <>
struct Choices<Compression> {
  static constexpr const char* name = "GradientCompression";
  static constexpr Choice<Compression> list[] = {
      {"none", Compression::none}, {"bfloat16", Compression::bfloat16}, {"float16", Compression::float16}};
};

template <>
struct Fields<GroupOptions> {
  static constexpr const char* name = "ProcessGroupOptions";
  static constexpr std::tuple list{
      Field{"rank", &GroupOptions::rank},
      Field{"worldSize", &GroupOptions::world_size},
      Field{"masterAddress", &GroupOptions::master_address},
      Field{"masterPort", &GroupOptions::master_port},
      Field{"keepsStore", &GroupOptions::keeps_store},
      Field{"address", &GroupOptions::address},
      Field{"timeout", &GroupOptions::timeout},
      Field{"device", &GroupOptions::device},
  };
};
template <>
struct Fields<GroupTraffic> {
  static constexpr const char* name = "GroupTraffic";
  static constexpr std::tuple list{Field{"operations", &GroupTraffic::operations},
                                   Field{"bytes", &GroupTraffic::bytes},
                                   Field{"seconds", &GroupTraffic::seconds}};
};
template <>
struct Fields<ReducerOptions> {
  static constexpr const char* name = "GradientReducerOptions";
  static constexpr std::tuple list{Field{"bucketBytes", &ReducerOptions::bucket_bytes},
                                   Field{"compression", &ReducerOptions::compression}};
};

namespace {

using Group = std::shared_ptr<ShardGroup>;
using Reducer = std::shared_ptr<GradientReducer>;
using at::Tensor;

/// Every group that JavaScript holds is one of processes.
std::shared_ptr<ProcessGroup> processes(const Group& group) {
  auto found = std::dynamic_pointer_cast<ProcessGroup>(group);
  require(found != nullptr, "ERR_INTERNAL", "This group is none of processes.");
  return found;
}

void register_groups(Registry& registry) {
  registry.background("processGroup", {"options"}, [](const GroupOptions& options) -> Group {
    return std::make_shared<ProcessGroup>(options);
  });
  registry.async("groupGather", {"group", "rows"},
                 [](const Group& group, const Tensor& rows) { return group->gather(rows.detach()); });
  registry.async("groupScatterSum", {"group", "rows"},
                 [](const Group& group, const Tensor& rows) { return group->scatter_sum(rows.detach()); });
  registry.async("groupReduce", {"group", "values", "reduction"},
                 [](const Group& group, const Tensor& values, Reduction reduction) {
                   Tensor combined = values.detach();
                   processes(group)->reduce(combined, reduction);
                 });
  registry.async(
      "groupBroadcast", {"group", "tensors"},
      [](const Group& group, const std::vector<Tensor>& tensors) { processes(group)->broadcast(tensors); });
  registry.async("groupAtStep", {"group", "step"},
                 [](const Group& group, int64_t step) { processes(group)->at_step(step); });
  registry.async("groupSettle", {"group"}, [](const Group& group) { processes(group)->settle(); });
  registry.background("groupPutText", {"group", "key", "value"},
                      [](const Group& group, const std::string& key, const std::string& value) {
                        processes(group)->put_text(key, value);
                      });
  registry.background("groupTakeText", {"group", "key"}, [](const Group& group, const std::string& key) {
    return processes(group)->take_text(key);
  });
  registry.background("groupForgetText", {"group", "key"},
                      [](const Group& group, const std::string& key) { processes(group)->forget_text(key); });
  registry.background("groupLeave", {"group", "seconds"}, [](const Group& group, double seconds) {
    processes(group)->leave(std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000)));
  });
  registry.sync("groupTraffic", {"group"}, [](const Group& group) { return processes(group)->traffic(); });
  registry.sync("disposeProcessGroup", {"group"}, [](const Boxed<Group>& group) { dispose_box(*group.box); });
}

void register_reducers(Registry& registry) {
  registry.async(
      "gradientReducer", {"group", "parameters", "options"},
      [](const Group& group, const std::vector<Tensor>& parameters, const ReducerOptions& options) {
        return std::make_shared<GradientReducer>(processes(group), parameters, options);
      });
  registry.async("reducerBackward", {"reducer", "loss"},
                 [](const Reducer& reducer, const Tensor& loss) { reducer->backward(loss); });
  registry.sync("disposeGradientReducer", {"reducer"},
                [](const Boxed<Reducer>& reducer) { dispose_box(*reducer.box); });
}

}  // namespace

void register_distributed(Registry& registry) {
  register_groups(registry);
  register_reducers(registry);
}

}  // namespace kappa
