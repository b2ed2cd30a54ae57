#pragma once

namespace kappa {
class Registry;
void register_head(Registry& registry);
}  // namespace kappa
