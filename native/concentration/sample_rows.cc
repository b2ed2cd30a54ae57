#include "concentration/sample_rows.h"

#include <ATen/ATen.h>

#include <limits>

#include "kernels/class_keys.h"
#include "runtime/error.h"

namespace kappa {

SampleRows::SampleRows(const at::Tensor& samples_R) : samples_(samples_R) {
  const int64_t rows = samples_.size(0);
  require(rows < std::numeric_limits<int32_t>::max(), "ERR_ARGUMENT", "One rank can keep ",
          std::numeric_limits<int32_t>::max() - 1, " images but was given ", rows, ".");
  // Two thirds full at most: a search passes few slots.
  capacity_ = static_cast<uint64_t>(rows + rows / 2 + 1);
  table_ = at::zeros({static_cast<int64_t>(capacity_)}, at::kInt);
  const auto* samples = samples_.const_data_ptr<int64_t>();
  for (int64_t row = 0; row < rows; ++row) {
    if (samples[row] < 0) continue;
    require(find(samples[row]) < 0, "ERR_CHECKPOINT", "Image ", samples[row],
            " has two rows in memory.samples.");
    table_.data_ptr<int32_t>()[slot_of(samples[row])] = static_cast<int32_t>(row + 1);
  }
}

/// The slot of an image, or the free one where it would be.
uint64_t SampleRows::slot_of(int64_t sample) const {
  const auto* table = table_.const_data_ptr<int32_t>();
  const auto* samples = samples_.const_data_ptr<int64_t>();
  uint64_t slot = ((mix(static_cast<uint64_t>(sample)) >> 32) * capacity_) >> 32;
  while (table[slot] != 0 && samples[table[slot] - 1] != sample) slot = slot + 1 == capacity_ ? 0 : slot + 1;
  return slot;
}

int64_t SampleRows::find(int64_t sample) const {
  return static_cast<int64_t>(table_.const_data_ptr<int32_t>()[slot_of(sample)]) - 1;
}

void SampleRows::put(int64_t sample, int64_t row) {
  table_.data_ptr<int32_t>()[slot_of(sample)] = static_cast<int32_t>(row + 1);
  samples_.data_ptr<int64_t>()[row] = sample;
}

void SampleRows::take_back(int64_t sample) {
  int32_t& entry = table_.data_ptr<int32_t>()[slot_of(sample)];
  samples_.data_ptr<int64_t>()[entry - 1] = -1;
  entry = 0;
}

}  // namespace kappa
