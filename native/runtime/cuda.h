// CUDA devices as far as JavaScript deals with them: what there is, memory, streams. Without CUDA in the
// build, or without a GPU, every function says so.
#pragma once

namespace kappa {
class Registry;
void register_cuda(Registry& registry);
}  // namespace kappa
