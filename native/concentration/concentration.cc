#include "concentration/concentration.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "concentration/class_sums.h"
#include "runtime/error.h"

namespace kappa {
namespace {

using at::Tensor;

// 1 - Rbar^2 of a class whose images coincide; kappa stays finite.
constexpr double resultant_floor = 1e-6;
constexpr int64_t least_images = 2;
// Rbar^2 from which on the images of a class count as all alike. Different photographs of a person stay far
// below; the roundings of a bfloat16 buffer move a class of one picture by less than this.
constexpr double alike = 0.999;

/// Classes whose images are one picture: their kappa says nothing but that it is large.
Tensor saturated(const Tensor& resultant_C, const Tensor& counts_C) {
  return (counts_C >= least_images).logical_and(resultant_C.square() >= alike);
}

/// Classes whose kappa is one of many: those that mean and standard deviation are of.
Tensor comparable(const Tensor& resultant_C, const Tensor& counts_C) {
  return (counts_C >= least_images).logical_and(resultant_C.square() < alike);
}

/// The sum over all shards of a few numbers.
std::array<double, 2> summed(std::array<double, 2> values, ShardGroup& group) {
  Tensor sum = at::tensor({values[0], values[1]}, at::kDouble);
  group.sum(sum);
  return {sum[0].item<double>(), sum[1].item<double>()};
}

/// How many values there are on all shards, with their mean and standard deviation (by count - 1); 0 where
/// there are too few for one.
struct Moments {
  int64_t count = 0;
  double mean = 0;
  double deviation = 0;
};

Moments moments(const Tensor& values, ShardGroup* group) {
  Moments of{values.numel(), 0, 0};
  if (group == nullptr) {
    if (of.count > 0) of.mean = values.mean().item<double>();
    if (of.count > 1) of.deviation = values.std().item<double>();
    return of;
  }
  const auto [sum, count] = summed({values.sum().item<double>(), static_cast<double>(of.count)}, *group);
  of.count = static_cast<int64_t>(count);
  if (of.count > 0) of.mean = sum / count;
  // In a second pass: a difference of squares would lose what the values have in common.
  const auto [squares, _] = summed({(values - of.mean).square().sum().item<double>(), 0}, *group);
  if (of.count > 1) of.deviation = std::sqrt(squares / (count - 1));
  return of;
}

/// The largest value of all shards; 0 where there is none above.
double largest(const Tensor& values, ShardGroup* group) {
  Tensor most = at::zeros({1}, at::kDouble);
  if (values.numel() > 0) most = at::maximum(most, values.max());
  if (group != nullptr) group->maximum(most);
  return most.item<double>();
}

}  // namespace

std::tuple<Tensor, Tensor> class_concentration(const Tensor& sums_CD, const Tensor& counts_C, bool debias,
                                               ShardGroup* group) {
  check_class_sums(sums_CD, counts_C);
  const auto dim = static_cast<double>(sums_CD.size(1));
  const Tensor count = counts_C.to(at::kDouble);
  Tensor resultant = (sums_CD.norm(2, {1}) / count.clamp_min(1)).clamp_(0, 1);
  Tensor squared = resultant.square();
  if (debias) squared = ((count * squared - 1) / (count - 1).clamp_min(1)).clamp_(0, 1);
  Tensor kappa = squared.sqrt() * (dim - squared) / (1 - squared).clamp_min(resultant_floor);
  const double mean = moments(kappa.masked_select(comparable(resultant, counts_C)), group).mean;
  return {resultant, kappa.masked_fill(counts_C < least_images, mean)};
}

std::tuple<Tensor, Tensor, Tensor> class_margin_scale(const Tensor& resultant_C, const Tensor& kappa_C,
                                                      const Tensor& counts_C,
                                                      const Tensor& samples_per_class_C, double temperature,
                                                      double gamma, bool paper, ShardGroup* group) {
  require(
      kappa_C.dim() == 1 && kappa_C.sizes() == resultant_C.sizes() && kappa_C.sizes() == counts_C.sizes() &&
          kappa_C.sizes() == samples_per_class_C.sizes() && (kappa_C.size(0) > 0 || group != nullptr),
      "ERR_SHAPE", "Expected one mean resultant length, kappa, count and number of images for each class.");
  const Tensor kappa = kappa_C.to(at::kDouble);
  const Tensor compared = comparable(resultant_C, counts_C);
  const Moments known = moments(kappa.masked_select(compared), group);
  Tensor standardized = at::zeros_like(kappa);
  if (known.deviation > 0) {
    standardized = at::where(compared, (kappa - known.mean) / known.deviation, standardized);
  }
  // The end of the scale, whatever the deviation of the others is; if there are none, there is no scale.
  if (known.count > 0 && temperature > 0) {
    standardized.masked_fill_(saturated(resultant_C, counts_C), std::numeric_limits<double>::infinity());
  }
  const Tensor concentration_weight = 1 - (temperature * standardized).sigmoid();
  const Tensor samples = samples_per_class_C.to(at::kDouble);
  const double most = std::max(largest(samples, group), 1.0) * (paper ? 1.0 : 1.05);
  const Tensor population_weight = ((samples * (std::numbers::pi / most)).cos() + 1) / 2;
  Tensor scale = paper ? gamma * population_weight + (1 - gamma) * concentration_weight
                       : gamma * concentration_weight + (1 - gamma) * population_weight;
  return {concentration_weight, population_weight, scale};
}

}  // namespace kappa
