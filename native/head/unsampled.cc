#include "head/unsampled.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/DeviceGuard.h>

#include <algorithm>

namespace kappa {

using at::Tensor;

namespace {

/// Elements of a piece: on a CPU it stays in the caches, on a GPU it is worth a kernel.
constexpr int64_t cpu_piece = int64_t{1} << 17;
constexpr int64_t gpu_piece = int64_t{1} << 22;

}  // namespace

void move_unsampled(const Tensor& centres_CD, const Tensor& velocity_CD, const Tensor& rows,
                    const SgdOptions& step, const Tensor& found_inf) {
  const bool has_momentum = step.momentum != 0;
  if (!has_momentum && step.weight_decay == 0) return;
  const bool is_cpu = centres_CD.is_cpu();
  if (found_inf.defined() && is_cpu && *found_inf.const_data_ptr<float>() != 0) return;
  const c10::DeviceGuard guard(centres_CD.device());
  at::NoGradGuard no_grad;
  const int64_t classes = centres_CD.size(0);
  const int64_t dim = centres_CD.size(1);
  Tensor moves_C = at::ones({classes}, at::dtype(at::kBool).device(centres_CD.device()));
  moves_C.index_fill_(0, rows, false);
  // Nobody waits for what a GPU found.
  if (found_inf.defined() && !is_cpu) moves_C.logical_and_(found_inf.eq(0));
  const int64_t most = std::max<int64_t>(1, (is_cpu ? cpu_piece : gpu_piece) / std::max<int64_t>(1, dim));
  for (int64_t first = 0; first < classes; first += most) {
    const int64_t count = std::min(most, classes - first);
    const Tensor moves = moves_C.narrow(0, first, count).unsqueeze(1);
    Tensor centres = centres_CD.detach().narrow(0, first, count);
    // The gradient is that of the weight decay.
    Tensor change = centres * step.weight_decay;
    if (has_momentum) {
      Tensor velocity = velocity_CD.detach().narrow(0, first, count);
      const Tensor speed = at::add(change, velocity, step.momentum);
      velocity.copy_(at::where(moves, speed, velocity));
      change = step.nesterov ? change.add_(speed, step.momentum) : speed;
    }
    centres.copy_(at::where(moves, at::sub(centres, change, step.lr), centres));
  }
}

}  // namespace kappa
