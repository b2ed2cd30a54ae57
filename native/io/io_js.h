#pragma once

namespace kappa {
class Registry;
void register_io(Registry& registry);
}  // namespace kappa
