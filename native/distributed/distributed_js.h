#pragma once

namespace kappa {
class Registry;
void register_distributed(Registry& registry);
}  // namespace kappa
