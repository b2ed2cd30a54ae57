#pragma once

namespace kappa {
class Registry;
void register_settings(Registry& registry);
}  // namespace kappa
