#include "concentration/memory_buffer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "runtime/error.h"
#include "test/concentration/shards.h"
#include "test/test.h"

namespace {

using at::Tensor;
using kappa::ClassRange;
using kappa::MemoryBuffer;
using kappa::MemoryBufferOptions;
using kappa::MemoryState;
using kappa::ShardGroup;
using kappa::StepBatches;
using kappa::test::on_shards;
using kappa::test::part_of;
using kappa::test::shard_of;

constexpr int64_t num_classes = 11;
constexpr int64_t dim = 24;
constexpr double alpha = 0.9;

int64_t images_of(int64_t c) { return c % 5; }  // classes 0, 5 and 10 have none

int64_t images_of_all() {
  int64_t sum = 0;
  for (int64_t c = 0; c < num_classes; ++c) sum += images_of(c);
  return sum;
}

/// Images are not in the order of their classes.
std::vector<int64_t> classes_of_images() {
  std::vector<int64_t> classes(static_cast<size_t>(images_of_all()));
  size_t image = 0;
  for (int64_t c = 0; c < num_classes; ++c) {
    for (int64_t i = 0; i < images_of(c); ++i, image = (image + 7) % classes.size()) classes[image] = c;
  }
  return classes;
}

MemoryBuffer buffer_of(const ClassRange& classes, at::ScalarType storage) {
  Tensor images = at::empty({classes.count}, at::kInt);
  for (int64_t c = 0; c < classes.count; ++c) images[c] = images_of(classes.first + c);
  MemoryBufferOptions options{classes, images_of_all(), dim, alpha, storage};
  MemoryBuffer memory(options, images);
  memory.clear();
  return memory;
}

/// Batches with images that come again, in the same step, too, and embeddings without a direction.
StepBatches step_of(int64_t number, int64_t batches) {
  const std::vector<int64_t> classes = classes_of_images();
  StepBatches step;
  for (int64_t m = 0; m < batches; ++m) {
    Tensor embeddings = at::randn({5, dim});
    if (m % 2 == 1) embeddings[3].zero_();
    if (m % 3 == 1) embeddings[1][2] = std::nanf("");
    std::vector<int64_t> indices, labels;
    for (int64_t i = 0; i < 5; ++i) {
      indices.push_back((number * number + 3 * m + (i == 4 ? 0 : i)) % images_of_all());
      labels.push_back(classes[static_cast<size_t>(indices.back())]);
    }
    step.embeddings.push_back(embeddings);
    step.indices.push_back(at::tensor(indices, at::kLong));
    step.labels.push_back(at::tensor(labels, at::kLong));
  }
  return step;
}

std::vector<Tensor> tensors_of(const MemoryState& state) {
  return {state.buffer_RD, state.samples_R, state.sums_CD, state.counts_C};
}

std::vector<Tensor> copy_of(const MemoryState& state) {
  std::vector<Tensor> copies;
  for (const Tensor& tensor : tensors_of(state)) copies.push_back(tensor.clone());
  return copies;
}

bool same(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (!at::equal(a[i], b[i])) return false;
  }
  return true;
}

/// The tensors of all shards, one below the other.
std::vector<Tensor> below_each_other(const std::vector<MemoryBuffer>& shards) {
  std::vector<Tensor> all;
  for (size_t t = 0; t < 4; ++t) {
    std::vector<Tensor> parts;
    for (const MemoryBuffer& shard : shards) parts.push_back(tensors_of(shard.state())[t]);
    all.push_back(at::cat(parts));
  }
  return all;
}

std::vector<MemoryBuffer> shards_of(int64_t count, at::ScalarType storage) {
  std::vector<MemoryBuffer> shards;
  for (int64_t rank = 0; rank < count; ++rank) {
    shards.push_back(buffer_of(shard_of(num_classes, rank, count), storage));
  }
  return shards;
}

void update(std::vector<MemoryBuffer>& shards, const StepBatches& step) {
  const auto count = static_cast<int64_t>(shards.size());
  on_shards(count, [&](int64_t rank, ShardGroup& group) {
    shards[static_cast<size_t>(rank)].update(part_of(step, rank, count), &group);
  });
}

/// The definition, sample after sample: rows by image, sums by class.
template <class Storage>
struct Reference {
  std::map<int64_t, std::vector<Storage>> rows;
  std::vector<std::vector<double>> sums = std::vector(num_classes, std::vector<double>(dim));

  void take(const float* x, int64_t image, int64_t c) {
    double squares = 0;
    for (int64_t d = 0; d < dim; ++d) squares += static_cast<double>(x[d]) * x[d];
    const double length = std::sqrt(squares);
    if (!(length > 0)) return;
    const bool first = !rows.contains(image);
    auto& row = rows[image];
    row.resize(dim);
    double mixed_squares = 0;
    std::vector<double> mixed(dim);
    for (size_t d = 0; d < dim; ++d) {
      mixed[d] = (1 - alpha) * static_cast<double>(row[d]) + alpha * (x[d] / length);
      mixed_squares += mixed[d] * mixed[d];
    }
    for (size_t d = 0; d < dim; ++d) {
      const double before = first ? 0 : static_cast<double>(row[d]);
      const double value = first ? x[d] / length : mixed[d] / std::sqrt(mixed_squares);
      row[d] = static_cast<Storage>(static_cast<float>(value));
      sums[static_cast<size_t>(c)][d] += static_cast<double>(row[d]) - before;
    }
  }
};

template <class Storage>
void expect_reference(at::ScalarType storage) {
  MemoryBuffer memory = buffer_of(shard_of(num_classes, 0, 1), storage);
  Reference<Storage> reference;
  for (int64_t number = 0; number < 12; ++number) {
    const StepBatches step = step_of(number, 3);
    memory.update(step, nullptr);
    for (size_t m = 0; m < step.labels.size(); ++m) {
      for (int64_t i = 0; i < 5; ++i) {
        reference.take(step.embeddings[m][i].const_data_ptr<float>(), step.indices[m][i].item<int64_t>(),
                       step.labels[m][i].item<int64_t>());
      }
    }
  }
  const MemoryState& state = memory.state();
  int64_t taken = 0;
  for (int64_t row = 0; row < images_of_all(); ++row) {
    const auto image = state.samples_R[row].item<int64_t>();
    if (image < 0) continue;
    taken += 1;
    const Storage* stored = state.buffer_RD[row].const_data_ptr<Storage>();
    EXPECT(std::equal(stored, stored + dim, reference.rows.at(image).data()));
  }
  EXPECT(taken == static_cast<int64_t>(reference.rows.size()) && taken > images_of_all() / 2);
  EXPECT(state.counts_C.sum().item<int64_t>() == taken);
  for (int64_t c = 0; c < num_classes; ++c) {
    const auto* sum = state.sums_CD[c].const_data_ptr<double>();
    EXPECT(std::equal(sum, sum + dim, reference.sums[static_cast<size_t>(c)].data()));
  }
}

TEST("the memory buffer has what its definition says, to the bit") {
  at::manual_seed(1);
  expect_reference<float>(at::kFloat);
  expect_reference<at::BFloat16>(at::kBFloat16);
}

TEST("shards of the memory buffer, one below the other, are that of one shard with all batches, to the bit") {
  for (const auto storage : {at::kFloat, at::kBFloat16}) {
    for (const int64_t count : {2, 3}) {
      for (const int64_t batches : {1, 2}) {
        at::manual_seed(2);
        MemoryBuffer one = buffer_of(shard_of(num_classes, 0, 1), storage);
        std::vector<MemoryBuffer> shards = shards_of(count, storage);
        for (int64_t number = 0; number < 8; ++number) {
          const StepBatches step = step_of(number, count * batches);
          one.update(step, nullptr);
          update(shards, step);
          EXPECT(same(below_each_other(shards), tensors_of(one.state())));
        }
      }
    }
  }
}

TEST("a memory buffer goes on from the tensors of another, on fewer or more shards") {
  at::manual_seed(3);
  MemoryBuffer one = buffer_of(shard_of(num_classes, 0, 1), at::kFloat);
  std::vector<MemoryBuffer> shards = shards_of(3, at::kFloat);
  for (int64_t number = 0; number < 3; ++number) {
    const StepBatches step = step_of(number, 6);
    one.update(step, nullptr);
    update(shards, step);
  }
  std::vector<MemoryBuffer> fewer = shards_of(2, at::kFloat);
  // A shard that knew other images before has to forget them.
  update(fewer, step_of(7, 2));
  const std::vector<Tensor> saved = below_each_other(shards);
  std::vector<int64_t> starts(saved.size(), 0);
  for (MemoryBuffer& shard : fewer) {
    for (size_t t = 0; t < saved.size(); ++t) {
      const Tensor target = tensors_of(shard.state())[t];
      target.copy_(saved[t].narrow(0, starts[t], target.size(0)));
      starts[t] += target.size(0);
    }
  }
  for (int64_t number = 3; number < 9; ++number) {
    const StepBatches step = step_of(number, 6);
    one.update(step, nullptr);
    update(fewer, step);
  }
  EXPECT(same(below_each_other(fewer), tensors_of(one.state())));
}

TEST("tensors that are no state of a memory buffer are refused") {
  const auto refuses = [](const auto& spoil) {
    at::manual_seed(4);
    MemoryBuffer memory = buffer_of(shard_of(num_classes, 0, 1), at::kFloat);
    memory.update(step_of(2, 4), nullptr);
    spoil(memory.state());
    EXPECT_ERROR(memory.update(step_of(2, 4), nullptr), "ERR_CHECKPOINT");
  };
  refuses([](const MemoryState& state) { state.samples_R.fill_(3); });
  refuses([](const MemoryState& state) { state.samples_R.fill_(-1); });
  refuses([](const MemoryState& state) {
    const Tensor taken = (state.samples_R >= 0).nonzero().flatten();
    state.samples_R.index_fill_(0, taken[1], state.samples_R[taken[0].item<int64_t>()]);
  });
  refuses([](const MemoryState& state) {
    const Tensor taken = (state.samples_R >= 0).nonzero().flatten();
    state.samples_R.index_fill_(0, taken[0], images_of_all());
  });
}

/// A step of one batch on each of two shards; the last sample is another.
StepBatches with_last(const StepBatches& step, int64_t image, int64_t label) {
  StepBatches changed = step;
  changed.indices.back() = step.indices.back().clone();
  changed.labels.back() = step.labels.back().clone();
  changed.indices.back()[4] = image;
  changed.labels.back()[4] = label;
  return changed;
}

template <class F>
std::string code_of(const F& work) {
  try {
    work();
  } catch (const kappa::Error& error) {
    return error.code();
  }
  return "";
}

TEST("what the memory buffer refuses changes nothing, on no shard") {
  const std::vector<int64_t> classes = classes_of_images();
  at::manual_seed(5);
  std::vector<MemoryBuffer> shards = shards_of(2, at::kFloat);
  MemoryBuffer one = buffer_of(shard_of(num_classes, 0, 1), at::kFloat);
  const StepBatches first = step_of(3, 2);
  update(shards, first);
  one.update(first, nullptr);
  const int64_t known = first.indices[0][0].item<int64_t>();
  const int64_t other_of_shard = classes[static_cast<size_t>(known)] < 5 ? 1 : 9;
  const int64_t another = other_of_shard == classes[static_cast<size_t>(known)] ? 2 : other_of_shard;
  const struct {
    int64_t image, label;
    const char* code;
  } cases[] = {
      {images_of_all(), 1, "ERR_ARGUMENT"},
      {-1, 9, "ERR_ARGUMENT"},
      {known, another, "ERR_ARGUMENT"},                          // of another class before
      {first.indices[0][1].item<int64_t>(), 0, "ERR_ARGUMENT"},  // a class without images
      {0, num_classes, "ERR_LABEL_RANGE"},
  };
  const StepBatches next = step_of(6, 2);
  for (const auto& given : cases) {
    const StepBatches step = with_last(next, given.image, given.label);
    const auto before = copy_of(one.state());
    EXPECT(code_of([&] { one.update(step, nullptr); }) == given.code);
    EXPECT(same(tensors_of(one.state()), before));
    std::vector<std::string> codes(2);
    on_shards(2, [&](int64_t rank, ShardGroup& group) {
      const auto shard = static_cast<size_t>(rank);
      codes[shard] = code_of([&] { shards[shard].update(part_of(step, rank, 2), &group); });
    });
    // What all shards see is refused by all; else the others are told that one does.
    const bool seen_by_all = std::string(given.code) == "ERR_LABEL_RANGE";
    std::sort(codes.begin(), codes.end());
    EXPECT(codes[0] == given.code && codes[1] == (seen_by_all ? given.code : "ERR_PEER"));
    EXPECT(same(below_each_other(shards), before));
  }
  // The rows that were given up are free again.
  update(shards, next);
  one.update(next, nullptr);
  EXPECT(same(below_each_other(shards), tensors_of(one.state())));
}

TEST("a shard may have no classes, and a class more images than are told of is refused") {
  Tensor images = at::ones({1}, at::kInt);
  const auto shard = [&](int64_t rank) {
    MemoryBuffer memory({shard_of(1, rank, 2), 1 + rank, 2, alpha, at::kFloat}, images.slice(0, rank));
    memory.clear();
    return memory;
  };
  std::vector<MemoryBuffer> shards{shard(0), shard(1)};
  const Tensor zero = at::zeros({1}, at::kLong);
  const StepBatches step{{at::ones({1, 2}), at::ones({1, 2})}, {zero, zero}, {zero, zero}};
  update(shards, step);
  EXPECT(shards[0].state().counts_C.item<int64_t>() == 1 && shards[1].state().counts_C.numel() == 0);
  MemoryBuffer full({{0, 1, 1}, 2, 2, alpha, at::kFloat}, images);
  full.clear();
  full.update({{at::ones({1, 2})}, {zero}, {zero}}, nullptr);
  try {
    full.update({{at::ones({1, 2})}, {zero}, {zero + 1}}, nullptr);
    EXPECT(false);
  } catch (const kappa::Error& error) {
    EXPECT(std::string(error.what()).find("Class 0 has more images than the 1") == 0);
  }
}

}  // namespace
