#include "nn/iresnet.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "runtime/error.h"

namespace kappa {
namespace {

constexpr std::array<int64_t, 4> layer_widths = {64, 128, 256, 512};

int64_t scaled(int64_t width, double multiplier) {
  return std::max<int64_t>(1, std::llround(static_cast<double>(width) * multiplier));
}

LayerDescription convolution(const std::string& name, size_t input, int64_t channels, int64_t stride = 1) {
  return {.kind = LayerKind::convolution,
          .name = name,
          .inputs = {input},
          .channels = channels,
          .kernel = 3,
          .stride = stride};
}

LayerDescription projection(const std::string& name, size_t input, int64_t channels, int64_t stride) {
  return {
      .kind = LayerKind::projection, .name = name, .inputs = {input}, .channels = channels, .stride = stride};
}

LayerDescription batch_norm(const std::string& name, size_t input) {
  return {.kind = LayerKind::batch_norm, .name = name, .inputs = {input}};
}

LayerDescription prelu(const std::string& name, size_t input) {
  return {.kind = LayerKind::prelu, .name = name, .inputs = {input}};
}

/// @param x the place of what goes in
/// @returns that of what comes out
size_t add_block(Topology& table, size_t x, const std::string& name, int64_t width, int64_t stride) {
  size_t y = table.add(batch_norm(name + ".bn1", x));
  y = table.add(convolution(name + ".conv1", y, width));
  y = table.add(batch_norm(name + ".bn2", y));
  y = table.add(prelu(name + ".prelu", y));
  y = table.add(convolution(name + ".conv2", y, width, stride));
  y = table.add(batch_norm(name + ".bn3", y));
  if (stride != 1 || table.shape(x).channels != width) {
    x = table.add(projection(name + ".downsample.0", x, width, stride));
    x = table.add(batch_norm(name + ".downsample.1", x));
  }
  return table.add({.kind = LayerKind::sum, .name = name, .inputs = {y, x}});
}

}  // namespace

Topology iresnet(const IResNetOptions& options) {
  require(options.blocks.size() == layer_widths.size(), "ERR_ARGUMENT",
          "Expected the blocks of four layers.");
  require(options.embedding_size > 0, "ERR_ARGUMENT", "embeddingSize must be above 0.");
  require(options.width_multiplier > 0 && options.width_multiplier <= 16, "ERR_ARGUMENT",
          "widthMultiplier must lie in (0, 16].");
  require(options.dropout >= 0 && options.dropout < 1, "ERR_ARGUMENT", "dropout must lie in [0, 1).");
  require(options.image_size >= 16 && options.image_size % 16 == 0, "ERR_ARGUMENT",
          "imageSize must be a multiple of 16.");

  Topology table(options.image_size);
  size_t x = table.add(convolution("conv1", 0, scaled(layer_widths[0], options.width_multiplier)));
  x = table.add(batch_norm("bn1", x));
  x = table.add(prelu("prelu", x));
  for (size_t layer = 0; layer < layer_widths.size(); ++layer) {
    const int64_t width = scaled(layer_widths[layer], options.width_multiplier);
    for (int64_t index = 0; index < options.blocks[layer]; ++index) {
      x = add_block(table, x, text("layer", layer + 1, ".", index), width, index == 0 ? 2 : 1);
    }
  }
  x = table.add(batch_norm("bn2", x));
  x = table.add({.kind = LayerKind::dropout, .inputs = {x}, .rate = options.dropout});
  x = table.add({.kind = LayerKind::flatten, .inputs = {x}});
  x = table.add({.kind = LayerKind::linear, .name = "fc", .inputs = {x}, .channels = options.embedding_size});
  LayerDescription features = batch_norm("features", x);
  features.weight_trained = false;
  table.add(features);
  return table;
}

}  // namespace kappa
