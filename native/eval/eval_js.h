#pragma once

namespace kappa {
class Registry;
void register_eval(Registry& registry);
}  // namespace kappa
