#pragma once

namespace kappa {
class Registry;
void register_optim(Registry& registry);
}  // namespace kappa
