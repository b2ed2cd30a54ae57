#pragma once

namespace kappa {
class Registry;
void register_concentration(Registry& registry);
}  // namespace kappa
