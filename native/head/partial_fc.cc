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

Tensor ClassSampler::draw(int64_t step, const Tensor& labels_B, const ClassRange& shard,
                          const at::Device& device) const {
  const auto& [first_class, classes, all_classes] = shard;
  const auto wanted = static_cast<int64_t>(std::floor(rate_ * static_cast<double>(all_classes)));
  if (wanted >= all_classes) return {};
  const c10::DeviceGuard guard(device);
  const Tensor known = labels_B.masked_select((labels_B >= 0).logical_and_(labels_B < all_classes));
  const Tensor positives = std::get<0>(at::_unique(known));
  const uint64_t key = mix(mix(mix(seed_)) ^ static_cast<uint64_t>(step));
  Tensor keys = at::empty({all_classes}, at::dtype(at::kLong).device(device));
  head_device(device.type()).class_keys(key, all_classes, keys.data_ptr<int64_t>());
  // Below every other key.
  keys.index_fill_(0, device.is_cpu() ? positives : positives.pin_memory().to(device, /*non_blocking=*/true),
                   -1);
  const int64_t count = std::max(wanted, positives.size(0));
  const Tensor drawn = std::get<1>(at::topk(keys, count, 0, /*largest=*/false, /*sorted=*/false));
  if (classes == all_classes) return std::get<0>(at::sort(drawn));
  const Tensor own = drawn - first_class;
  return std::get<0>(at::sort(own.masked_select((own >= 0).logical_and_(own < classes))));
}

}  // namespace kappa
