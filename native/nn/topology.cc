#include "nn/topology.h"

#include <algorithm>
#include <utility>

#include "runtime/error.h"

namespace kappa {

Topology::Topology(int64_t image_size)
    : layers_{{LayerKind::input}}, shapes_{{3, image_size, image_size}}, last_uses_{0} {}

size_t Topology::add(LayerDescription layer) {
  const size_t place = layers_.size();
  const size_t expected = layer.kind == LayerKind::sum ? 2 : 1;
  require(layer.inputs.size() == expected, "ERR_INTERNAL", "Layer ", place, " (", layer.name, ") takes ",
          expected, " inputs but has ", layer.inputs.size(), ".");
  for (const size_t input : layer.inputs) {
    require(input < place, "ERR_INTERNAL", "Layer ", place, " (", layer.name, ") takes layer ", input,
            ", which does not come before it.");
  }
  const auto has_name = [&](const LayerDescription& other) { return other.name == layer.name; };
  require(layer.name.empty() || std::none_of(layers_.begin(), layers_.end(), has_name), "ERR_INTERNAL",
          "Two layers are called ", layer.name, ".");
  shapes_.push_back(shape_of(layer));
  last_uses_.push_back(place);
  for (const size_t input : layer.inputs) last_uses_[input] = place;
  layers_.push_back(std::move(layer));
  return place;
}

ActivationShape Topology::shape_of(const LayerDescription& layer) const {
  const ActivationShape& input = shapes_[layer.inputs.front()];
  switch (layer.kind) {
    case LayerKind::convolution:
    case LayerKind::projection: {
      require(layer.channels > 0 && layer.kernel > 0 && layer.stride > 0, "ERR_INTERNAL", "Layer ",
              layer.name, " has no channels, kernel or stride.");
      const auto side = [&](int64_t before) {
        return (before + 2 * (layer.kernel / 2) - layer.kernel) / layer.stride + 1;
      };
      return {layer.channels, side(input.height), side(input.width)};
    }
    case LayerKind::flatten:
      return {input.size()};
    case LayerKind::linear:
      require(input.size() == input.channels, "ERR_INTERNAL", "Layer ", layer.name, " takes vectors.");
      return {layer.channels};
    case LayerKind::sum:
      require(input == shapes_[layer.inputs.back()], "ERR_INTERNAL", "Layer ", layer.name,
              " adds outputs of different shapes.");
      return input;
    default:
      return input;
  }
}

bool Topology::is_kept(size_t place) const {
  bool is_used = false;
  for (size_t user = place + 1; user <= last_use(place); ++user) {
    const auto& inputs = layers_[user].inputs;
    if (std::find(inputs.begin(), inputs.end(), place) == inputs.end()) continue;
    if (layers_[user].kind != LayerKind::sum) return true;
    is_used = true;
  }
  return !is_used;
}

}  // namespace kappa
