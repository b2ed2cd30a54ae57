// A group of processes as JavaScript holds it.
#pragma once
#include <memory>
#include <optional>

#include "runtime/handle.h"
#include "runtime/shard_group.h"

namespace kappa {

template <>
struct HandleType<std::shared_ptr<ShardGroup>> {
  static constexpr napi_type_tag tag = {0x6b61707061666163ULL, 0x0000000000000004ULL};
  static constexpr const char* name = "process group";
  static constexpr const char* type = "ProcessGroupHandle";
};

/// The group of a call, or null where there is none.
using MaybeGroup = std::optional<std::shared_ptr<ShardGroup>>;
inline ShardGroup* pointer_to(const MaybeGroup& group) { return group ? group->get() : nullptr; }

}  // namespace kappa
