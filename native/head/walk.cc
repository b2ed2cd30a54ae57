#include "head/walk.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "runtime/error.h"

namespace kappa {
namespace {

using Table = std::array<const HeadDevice*, static_cast<size_t>(c10::COMPILE_TIME_MAX_DEVICE_TYPES)>;

Table& table() {
  static Table devices{};
  return devices;
}

}  // namespace

void register_head_device(c10::DeviceType type, const HeadDevice* device) {
  table()[static_cast<size_t>(type)] = device;
}

const HeadDevice& head_device(c10::DeviceType type) {
  const HeadDevice* device = table()[static_cast<size_t>(type)];
  require(device != nullptr, "ERR_DEVICE", "The head does not run on ", c10::DeviceTypeName(type, true), ".");
  return *device;
}

bool same_rows(const std::vector<GradientTerm>& terms) {
  const at::Tensor& first = terms.front().rows;
  return std::all_of(terms.begin(), terms.end(), [&](const GradientTerm& term) {
    const at::Tensor& rows = term.rows;
    // Comparing contents would wait for a device.
    return rows.is_same(first) ||
           (rows.defined() && first.defined() && rows.is_cpu() && at::equal(rows, first));
  });
}

at::Tensor united_rows(const std::vector<GradientTerm>& terms, const at::Tensor& centres_CD) {
  std::vector<at::Tensor> samples;
  for (const GradientTerm& term : terms) {
    samples.push_back(term.rows.defined()
                          ? term.rows
                          : at::arange(centres_CD.size(0), centres_CD.options().dtype(at::kLong)));
  }
  return std::get<0>(at::_unique(at::cat(samples), /*sorted=*/true));
}

}  // namespace kappa
