// The step of stochastic gradient descent as JavaScript describes it.
#pragma once
#include "optim/sgd.h"
#include "runtime/describe.h"

namespace kappa {

template <>
struct Fields<SgdOptions> {
  static constexpr const char* name = "SgdOptions";
  static constexpr std::tuple list{Field{"lr", &SgdOptions::lr}, Field{"momentum", &SgdOptions::momentum},
                                   Field{"weightDecay", &SgdOptions::weight_decay},
                                   Field{"nesterov", &SgdOptions::nesterov}};
};

}  // namespace kappa
