#include "nn/network.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "runtime/error.h"
#include "runtime/parallel.h"

namespace kappa {

using at::Tensor;

namespace {

/// What a thread embeds at a time: enough for the weights to be laid out for it.
constexpr int64_t images_a_piece = 8;

}  // namespace

Network::Network(Topology topology, Precision precision, const at::Device& device)
    : Module(device), topology_(std::move(topology)), precision_(precision) {
  for (size_t place = 1; place < topology_.layers().size(); ++place) {
    layers_.push_back(make_layer(topology_, place, *this));
  }
  for (size_t place = 0; place < topology_.layers().size(); ++place) {
    fusions_.push_back(Fusion::from(place, topology_, layers_));
  }
}

void Network::check(const Tensor& images) const {
  const auto& [channels, height, width] = topology_.shape(0);
  require(
      images.dim() == 4 && images.size(1) == channels && images.size(2) == height && images.size(3) == width,
      "ERR_SHAPE", "Expected images (batch, ", channels, ", ", height, ", ", width, ") but received ",
      images.sizes(), ".");
  require(images.scalar_type() == at::kFloat, "ERR_DTYPE", "Expected float32 images.");
  require(!training() || images.size(0) > 1, "ERR_SHAPE",
          "Training needs at least two images a batch: batch normalisation has no variance of one.");
}

void Network::let_go(size_t place, std::vector<Tensor>& outputs) const {
  for (const size_t input : topology_.layers()[place].inputs) {
    if (topology_.last_use(input) == place) outputs[input].reset();
  }
}

Tensor Network::forward(const Tensor& images, bool training) {
  train(training);
  check(images);
  if (training) count_batch();
  const bool apart = !training && !trace_ && images.is_cpu() && !at::GradMode::is_enabled();
  // Fewer pieces than two a thread leave threads without work: then they share the work of each layer.
  if (apart && at::divup(images.size(0), images_a_piece) >= std::max(2, 2 * at::get_num_threads()))
    return walk_in_pieces(images);
  return walk(images, training);
}

Tensor Network::walk_in_pieces(const Tensor& images) {
  const int64_t count = images.size(0);
  const int64_t dim = topology_.shape(topology_.layers().size() - 1).size();
  const Tensor embeddings = at::empty({count, dim}, images.options().memory_format(std::nullopt));
  parallel_pieces(at::divup(count, images_a_piece), [&](int64_t piece) {
    const at::NoGradGuard guard;  // threads have modes of their own
    compute_on_this_thread();
    const int64_t first = piece * images_a_piece;
    const int64_t size = std::min(images_a_piece, count - first);
    embeddings.narrow(0, first, size).copy_(walk(images.narrow(0, first, size), false));
  });
  return embeddings;
}

Tensor Network::walk(const Tensor& images, bool training) {
  const auto& lines = topology_.layers();
  std::vector<Tensor> outputs(lines.size());
  outputs.front() = images.contiguous(at::MemoryFormat::ChannelsLast).to(scalar_type_of(precision_));
  // A trace tells of every layer, and batches over several ranks have other statistics.
  const bool fuses = !trace_ && !(training && batch_group() != nullptr);
  for (size_t place = 1; place < lines.size(); ++place) {
    if (fuses && fusions_[place] && fusions_[place]->forward(outputs, training)) {
      const size_t last = fusions_[place]->last();
      for (; place < last; ++place) let_go(place, outputs);
      let_go(last, outputs);
      continue;
    }
    const LayerDescription& line = lines[place];
    std::vector<Tensor> inputs;
    for (const size_t input : line.inputs) inputs.push_back(outputs[input]);
    outputs[place] = layers_[place - 1]->forward(inputs, training);
    inputs.clear();
    let_go(place, outputs);
    if (trace_ && !line.name.empty()) {
      trace_->record(line.name, outputs[place], topology_.is_kept(place));
    }
  }
  return std::move(outputs.back());
}

}  // namespace kappa
