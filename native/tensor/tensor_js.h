// The tensor functions of the addon, one register function a theme.
#pragma once

namespace kappa {
class Registry;
void register_creation(Registry& registry);
void register_shape(Registry& registry);
void register_math(Registry& registry);
void register_reductions(Registry& registry);
void register_autograd(Registry& registry);
}  // namespace kappa
