#include "head/partial_fc.h"

#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "head/walk.h"
#include "kernels/class_keys.h"

namespace kappa {

using at::Tensor;

Tensor ClassSampler::draw(int64_t step, const Tensor& labels_B, int64_t first_class, int64_t classes,
                          const at::Device& device) const {
  const auto wanted = static_cast<int64_t>(std::floor(rate_ * static_cast<double>(classes)));
  if (wanted >= classes) return {};
  const c10::DeviceGuard guard(device);
  const Tensor local = labels_B - first_class;
  const Tensor here = local.masked_select((local >= 0).logical_and_(local < classes));
  const Tensor positives = std::get<0>(at::_unique(here));
  const uint64_t key = mix(mix(mix(seed_) ^ shard_) ^ static_cast<uint64_t>(step));
  Tensor keys = at::empty({classes}, at::dtype(at::kLong).device(device));
  head_device(device.type()).class_keys(key, classes, keys.data_ptr<int64_t>());
  // Below every other key.
  keys.index_fill_(0, device.is_cpu() ? positives : positives.pin_memory().to(device, /*non_blocking=*/true),
                   -1);
  const int64_t count = std::max(wanted, positives.size(0));
  const Tensor rows = std::get<1>(at::topk(keys, count, 0, /*largest=*/false, /*sorted=*/false));
  return std::get<0>(at::sort(rows));
}

}  // namespace kappa
