#include "nn/network.h"

#include <ATen/ATen.h>

#include <utility>

#include "runtime/error.h"

namespace kappa {

using at::Tensor;

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
