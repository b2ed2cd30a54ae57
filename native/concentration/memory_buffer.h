// The memory buffer: one stored unit embedding for each training image, and the sums of each class's. A shard
// keeps those of its own classes. R rows (images of the own classes), C own classes, D embedding.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "concentration/own_samples.h"
#include "concentration/sample_rows.h"

namespace kappa {

struct MemoryBufferOptions {
  ClassRange classes;
  int64_t num_samples = 0;  // images of all shards
  int64_t embedding_size = 0;
  double alpha = 0;                                // share of the new embedding
  at::ScalarType storage = at::ScalarType::Float;  // or BFloat16
};

/// What a memory buffer holds. Rows lie class by class, in the order of the classes; an image takes the next
/// free row of its class at its first visit. So the tensors of all shards, one below the other, are those of
/// one shard with all classes.
struct MemoryState {
  at::Tensor buffer_RD;  // float32 or bfloat16
  at::Tensor samples_R;  // int64, image of each row; -1 for a row that is free
  at::Tensor sums_CD;    // float64
  at::Tensor counts_C;   // int64, images that have been visited
};

class MemoryBuffer {
 public:
  /// Allocates the buffer: cheap, nothing is written yet.
  /// @param samples_per_class_C int32, images of each own class
  MemoryBuffer(const MemoryBufferOptions& options, const at::Tensor& samples_per_class_C);

  /// Tensors that may be overwritten, all of them together, with those of another buffer.
  const MemoryState& state() const { return state_; }
  /// Forgets all images.
  void clear();

  /// Replaces the stored embeddings of a step's images and keeps the class sums exact:
  /// zbar <- normalize((1 - alpha) zbar + alpha z); the first visit stores z itself. A sample without a
  /// direction (zero or not finite) is left out. After an error nothing has changed, on any shard.
  /// @param group null where this shard is alone
  void update(const StepBatches& step, ShardGroup* group);

 private:
  /// Where a sample goes.
  struct Visit {
    int64_t row = 0;
    bool is_first = false;
  };

  void read_rows();
  Visit enter(const OwnSample& sample);
  void take_back(const OwnSamples& own, const std::vector<Visit>& visits);
  int64_t class_of(int64_t row) const;
  template <class Storage>
  void store(const OwnSamples& own, const std::vector<Visit>& visits);

  MemoryBufferOptions options_;
  std::vector<int64_t> offsets_;  // first row of each own class, and the end
  MemoryState state_;
  std::optional<SampleRows> rows_;
  uint32_t version_ = 0;  // of the tensor `samples`, when the rows were read
};

}  // namespace kappa
