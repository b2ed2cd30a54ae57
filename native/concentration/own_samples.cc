#include "concentration/own_samples.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "runtime/error.h"

namespace kappa {
namespace {

using at::Tensor;

constexpr double norm_epsilon = 1e-12;
constexpr int64_t samples_a_thread = 64;

Tensor joined(const std::vector<Tensor>& parts) { return parts.size() == 1 ? parts.front() : at::cat(parts); }

Tensor joined_numbers(const std::vector<Tensor>& parts, const char* what, int64_t size) {
  for (const Tensor& part : parts) {
    require(part.dim() == 1 && part.scalar_type() == at::kLong, "ERR_SHAPE", "Expected int64 ", what,
            " (samples).");
  }
  Tensor numbers = joined(parts).cpu();
  require(numbers.size(0) == size, "ERR_SHAPE", "Expected ", size, " int64 ", what, " but received ",
          numbers.size(0), ".");
  return numbers;
}

/// The lengths of a few samples at a time: the additions of one wait for each other.
constexpr size_t side_by_side = 4;

void measure(const float* embeddings_ND, int64_t dim, std::span<OwnSample> samples) {
  const float* x[side_by_side];
  double squares[side_by_side] = {};
  for (size_t k = 0; k < side_by_side; ++k) {
    x[k] = embeddings_ND + samples[std::min(k, samples.size() - 1)].row * dim;
  }
  for (int64_t d = 0; d < dim; ++d) {
    for (size_t k = 0; k < side_by_side; ++k) squares[k] += static_cast<double>(x[k][d]) * x[k][d];
  }
  for (size_t k = 0; k < samples.size(); ++k) {
    const double length = std::sqrt(squares[k]);
    samples[k].length = length > norm_epsilon && std::isfinite(length) ? length : 0;
  }
}

void measure(OwnSamples& own) {
  const int64_t dim = own.embeddings.size(1);
  const auto* embeddings = own.embeddings.const_data_ptr<float>();
  parallel_for(
      0, static_cast<int64_t>(own.samples.size()), samples_a_thread, [&](int64_t begin, int64_t end) {
        const auto last = static_cast<size_t>(end);
        for (auto i = static_cast<size_t>(begin); i < last; i += side_by_side) {
          measure(embeddings, dim, std::span(own.samples).subspan(i, std::min(side_by_side, last - i)));
        }
      });
}

/// Only the rows of own samples leave the device.
void keep_own_rows(OwnSamples& own) {
  Tensor rows = at::empty({static_cast<int64_t>(own.samples.size())}, at::kLong);
  auto* row = rows.data_ptr<int64_t>();
  for (size_t i = 0; i < own.samples.size(); ++i) {
    row[i] = own.samples[i].row;
    own.samples[i].row = static_cast<int64_t>(i);
  }
  own.embeddings = own.embeddings.index_select(0, rows.to(own.embeddings.device()));
}

}  // namespace

void OwnSamples::unit_vector(const OwnSample& sample, std::vector<double>& z) const {
  const int64_t dim = embeddings.size(1);
  const auto* x = embeddings.const_data_ptr<float>() + sample.row * dim;
  for (int64_t d = 0; d < dim; ++d) z[static_cast<size_t>(d)] = x[d] / sample.length;
}

OwnSamples own_samples(const StepBatches& step, const ClassRange& classes, int64_t dim, ShardGroup* group) {
  require(!step.embeddings.empty(), "ERR_ARGUMENT", "A step has at least one batch.");
  for (const Tensor& part : step.embeddings) {
    require(part.dim() == 2 && part.size(1) == dim, "ERR_SHAPE", "Expected embeddings of dimension ", dim,
            " but received ", part.sizes(), ".");
  }
  OwnSamples own{joined(step.embeddings).detach().to(at::kFloat), {}};
  Tensor labels = joined_numbers(step.labels, "labels", own.embeddings.size(0));
  Tensor indices =
      step.indices.empty() ? labels : joined_numbers(step.indices, "sample indices", own.embeddings.size(0));
  if (group != nullptr) {
    own.embeddings = group->gather(own.embeddings.contiguous());
    const Tensor numbers =
        group->gather(step.indices.empty() ? labels.unsqueeze(1) : at::stack({labels, indices}, 1));
    labels = numbers.select(1, 0);
    indices = numbers.select(1, numbers.size(1) - 1);
  }
  labels = labels.contiguous();
  indices = indices.contiguous();
  const auto* label = labels.const_data_ptr<int64_t>();
  const auto* index = indices.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < labels.size(0); ++i) {
    require(label[i] >= 0 && label[i] < classes.total, "ERR_LABEL_RANGE", "Label ", label[i], " of sample ",
            i, " lies outside 0 to ", classes.total - 1, ".");
    const int64_t local = label[i] - classes.first;
    if (local >= 0 && local < classes.count) own.samples.push_back({i, local, index[i], 0});
  }
  if (static_cast<int64_t>(own.samples.size()) < labels.size(0)) keep_own_rows(own);
  own.embeddings = own.embeddings.cpu().contiguous();
  measure(own);
  return own;
}

SamplesByClass::SamplesByClass(const OwnSamples& own) {
  for (size_t i = 0; i < own.samples.size(); ++i) {
    if (own.samples[i].length > 0) order_.push_back(i);
  }
  const auto label = [&](size_t i) { return own.samples[i].label; };
  std::stable_sort(order_.begin(), order_.end(), [&](size_t a, size_t b) { return label(a) < label(b); });
  for (size_t k = 0; k < order_.size(); ++k) {
    if (k == 0 || label(order_[k]) != label(order_[k - 1])) starts_.push_back(k);
  }
  starts_.push_back(order_.size());
}

void fail_together(ShardGroup* group, const std::exception_ptr& failure, const char* what) {
  int64_t failed = 0;
  if (group != nullptr) {
    Tensor number = at::full({1}, failure ? group->rank() + 1 : 0, at::kLong);
    group->maximum(number);
    failed = number.item<int64_t>();
  }
  if (failure) std::rethrow_exception(failure);
  require(failed == 0, "ERR_PEER", "Rank ", failed - 1, " could not ", what, ": its own error says why.");
}

}  // namespace kappa
