#include "concentration/memory_buffer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <exception>

#include "runtime/error.h"

namespace kappa {
namespace {

using at::Tensor;

constexpr double least_length = 1e-12;

/// Puts unit vectors into the rows of their images. D embedding.
template <class Storage>
class Mixer {
 public:
  Mixer(double alpha, int64_t dim) : alpha_(alpha), dim_(dim), before_(size_of(dim)), mixed_(size_of(dim)) {}

  /// @param z_D the unit vector
  /// @param stored_D the image's row
  /// @param sum_D of the image's class: moves as the row does
  void mix(const double* z_D, bool is_first, Storage* stored_D, double* sum_D) {
    if (is_first) {
      std::fill(before_.begin(), before_.end(), 0.0);
      put(z_D, 1, stored_D, sum_D);
      return;
    }
    double* before_D = before_.data();
    double* mixed_D = mixed_.data();
    double squares = 0;
    for (int64_t d = 0; d < dim_; ++d) {
      before_D[d] = static_cast<double>(stored_D[d]);
      mixed_D[d] = (1 - alpha_) * before_D[d] + alpha_ * z_D[d];
      squares += mixed_D[d] * mixed_D[d];
    }
    const double length = std::sqrt(squares);
    if (length > least_length) {
      put(mixed_.data(), length, stored_D, sum_D);
    } else {
      put(z_D, 1, stored_D, sum_D);
    }
  }

 private:
  static size_t size_of(int64_t dim) { return static_cast<size_t>(dim); }
  void put(const double* values_D, double length, Storage* stored_D, double* sum_D) const {
    const double* before_D = before_.data();
    for (int64_t d = 0; d < dim_; ++d) {
      const auto value = static_cast<Storage>(static_cast<float>(values_D[d] / length));
      stored_D[d] = value;
      sum_D[d] += static_cast<double>(value) - before_D[d];
    }
  }

  double alpha_;
  int64_t dim_;
  std::vector<double> before_, mixed_;
};

}  // namespace

MemoryBuffer::MemoryBuffer(const MemoryBufferOptions& options, const Tensor& samples_per_class_C)
    : options_(options), offsets_{0} {
  const auto& [first, count, total] = options.classes;
  require(first >= 0 && count >= 0 && first + count <= total, "ERR_ARGUMENT", "Classes ", first, " to ",
          first + count - 1, " are none of ", total, ".");
  require(options.alpha > 0 && options.alpha <= 1, "ERR_ARGUMENT", "alpha must lie in (0, 1] but is ",
          options.alpha, ".");
  require(options.storage == at::kFloat || options.storage == at::kBFloat16, "ERR_DTYPE",
          "The memory buffer is float32 or bfloat16.");
  require(samples_per_class_C.scalar_type() == at::kInt && samples_per_class_C.numel() == count, "ERR_SHAPE",
          "Expected an int32 number of images for each of ", count, " classes.");
  const auto* images = samples_per_class_C.const_data_ptr<int32_t>();
  for (int64_t c = 0; c < count; ++c) {
    require(images[c] >= 0, "ERR_ARGUMENT", "Class ", first + c, " has ", images[c], " images.");
    offsets_.push_back(offsets_.back() + images[c]);
  }
  state_.buffer_RD = at::empty({offsets_.back(), options.embedding_size}, options.storage);
  state_.samples_R = at::empty({offsets_.back()}, at::kLong);
  state_.sums_CD = at::empty({count, options.embedding_size}, at::kDouble);
  state_.counts_C = at::empty({count}, at::kLong);
}

void MemoryBuffer::clear() {
  rows_.reset();
  state_.buffer_RD.zero_();
  state_.samples_R.fill_(-1);
  state_.sums_CD.zero_();
  state_.counts_C.zero_();
}

/// Reads which image each row is of, where somebody has overwritten that.
void MemoryBuffer::read_rows() {
  const auto version = static_cast<uint32_t>(state_.samples_R._version());
  if (rows_ && version == version_) return;
  const auto* samples = state_.samples_R.const_data_ptr<int64_t>();
  const auto* counts = state_.counts_C.const_data_ptr<int64_t>();
  for (size_t c = 0; c + 1 < offsets_.size(); ++c) {
    for (int64_t row = offsets_[c]; row < offsets_[c + 1]; ++row) {
      const bool taken = row - offsets_[c] < counts[c];
      require(taken ? samples[row] >= 0 && samples[row] < options_.num_samples : samples[row] == -1,
              "ERR_CHECKPOINT", "Row ", row, " of memory.samples is of image ", samples[row],
              " but should be of ", taken ? "one of the training set." : "none.");
    }
  }
  rows_.emplace(state_.samples_R);
  version_ = version;
}

int64_t MemoryBuffer::class_of(int64_t row) const {
  const auto end = std::upper_bound(offsets_.begin(), offsets_.end(), row);
  return options_.classes.first + (end - offsets_.begin()) - 1;
}

/// The row of a sample's image, a free one of its class where it comes for the first time.
MemoryBuffer::Visit MemoryBuffer::enter(const OwnSample& sample) {
  const auto c = static_cast<size_t>(sample.label);
  const int64_t label = options_.classes.first + sample.label;
  require(sample.index >= 0 && sample.index < options_.num_samples, "ERR_ARGUMENT", "Sample index ",
          sample.index, " lies outside 0 to ", options_.num_samples - 1, ".");
  const int64_t known = rows_->find(sample.index);
  if (known >= 0) {
    require(known >= offsets_[c] && known < offsets_[c + 1], "ERR_ARGUMENT", "Image ", sample.index,
            " was of class ", class_of(known), " before and now comes as one of class ", label, ".");
    return {known, false};
  }
  int64_t& visited = state_.counts_C.data_ptr<int64_t>()[c];
  const int64_t images = offsets_[c + 1] - offsets_[c];
  require(visited < images, "ERR_ARGUMENT", "Class ", label, " has more images than the ", images,
          " that samplesPerClass tells of: image ", sample.index, " is one more.");
  const int64_t row = offsets_[c] + visited;
  rows_->put(sample.index, row);
  visited += 1;
  return {row, true};
}

void MemoryBuffer::take_back(const OwnSamples& own, const std::vector<Visit>& visits) {
  for (size_t i = visits.size(); i-- > 0;) {
    if (!visits[i].is_first) continue;
    rows_->take_back(own.samples[i].index);
    state_.counts_C.data_ptr<int64_t>()[own.samples[i].label] -= 1;
  }
}

template <class Storage>
void MemoryBuffer::store(const OwnSamples& own, const std::vector<Visit>& visits) {
  const int64_t dim = options_.embedding_size;
  auto* buffer = state_.buffer_RD.data_ptr<Storage>();
  auto* sums = state_.sums_CD.data_ptr<double>();
  // Classes share nothing. Within one the order counts: an image may stand in a step twice.
  SamplesByClass(own).for_each([&](std::span<const size_t> samples) {
    std::vector<double> z(static_cast<size_t>(dim));
    Mixer<Storage> mixer(options_.alpha, dim);
    for (const size_t i : samples) {
      own.unit_vector(own.samples[i], z);
      mixer.mix(z.data(), visits[i].is_first, buffer + visits[i].row * dim,
                sums + own.samples[i].label * dim);
    }
  });
}

void MemoryBuffer::update(const StepBatches& step, ShardGroup* group) {
  const OwnSamples own = own_samples(step, options_.classes, options_.embedding_size, group);
  std::vector<Visit> visits;
  visits.reserve(own.samples.size());
  std::exception_ptr failure;
  try {
    read_rows();
    for (const OwnSample& sample : own.samples) visits.push_back(sample.length > 0 ? enter(sample) : Visit{});
  } catch (...) {
    failure = std::current_exception();
  }
  try {
    fail_together(group, failure, "take a step into the memory buffer");
  } catch (...) {
    take_back(own, visits);
    throw;
  }
  if (options_.storage == at::kFloat) {
    store<float>(own, visits);
  } else {
    store<at::BFloat16>(own, visits);
  }
}

}  // namespace kappa
