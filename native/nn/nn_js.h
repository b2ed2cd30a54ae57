#pragma once

namespace kappa {
class Registry;
void register_nn(Registry& registry);
}  // namespace kappa
