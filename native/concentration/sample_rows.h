// Where each image's row is. The rows themselves say which image they are of; this is the way back.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace kappa {

/// A hash table of row numbers, 6 bytes a row: a shard knows its own images only, so a table over all images
/// would not get smaller with more shards. R rows.
class SampleRows {
 public:
  /// @param samples_R int64, image of each row or -1; it stays the caller's, who enters rows through `put`
  explicit SampleRows(const at::Tensor& samples_R);

  /// The row of an image, or -1.
  int64_t find(int64_t sample) const;
  /// Gives an image a row; it has none before.
  void put(int64_t sample, int64_t row);
  /// Takes back the last image that was given a row.
  void take_back(int64_t sample);

 private:
  uint64_t slot_of(int64_t sample) const;

  at::Tensor samples_;
  at::Tensor table_;  // int32: row + 1, or 0
  uint64_t capacity_;
};

}  // namespace kappa
