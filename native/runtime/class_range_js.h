// The classes of a shard as JavaScript describes them.
#pragma once
#include "runtime/class_range.h"
#include "runtime/describe.h"

namespace kappa {

template <>
struct Fields<ClassRange> {
  static constexpr const char* name = "ClassShard";
  static constexpr std::tuple list{Field{"first", &ClassRange::first}, Field{"count", &ClassRange::count},
                                   Field{"total", &ClassRange::total}};
};

}  // namespace kappa
