// Topology: a network as a table, a line for each layer with what goes into it. Construction, the forward
// pass, names in the state and in traces come from it, and sizes can.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace kappa {

enum class LayerKind { input, convolution, projection, batch_norm, prelu, dropout, flatten, linear, sum };

/// A line of the table. What a kind has no use for stays as it is.
struct LayerDescription {
  LayerKind kind;
  std::string name = {};            // in the state and in traces; empty: the layer is in neither
  std::vector<size_t> inputs = {};  // lines before this one whose outputs go in
  int64_t channels = 0;             // of the output, where the layer chooses: convolution, projection, linear
  int64_t kernel = 1;               // side of a convolution's kernel; half of it is padding
  int64_t stride = 1;               // of convolution and projection
  double rate = 0;                  // of dropout
  bool weight_trained = true;       // of batch normalisation
};

/// What comes out of a layer, for one image; a vector has height and width 1.
struct ActivationShape {
  int64_t channels = 0;
  int64_t height = 1;
  int64_t width = 1;

  int64_t size() const { return channels * height * width; }
  bool operator==(const ActivationShape&) const = default;
};

class Topology {
 public:
  /// A table of one line, the images: square, with three channels.
  explicit Topology(int64_t image_size);

  /// Adds a line whose inputs are lines that are there.
  /// @returns its place, for the inputs of others
  size_t add(LayerDescription layer);

  const std::vector<LayerDescription>& layers() const { return layers_; }
  /// What the layer in a place gives.
  const ActivationShape& shape(size_t place) const { return shapes_[place]; }
  /// What goes into the layer in a place, the first of it.
  const ActivationShape& input_shape(size_t place) const { return shapes_[layers_[place].inputs.front()]; }
  /// The last line that takes the output of the one in a place; its own where none does.
  size_t last_use(size_t place) const { return last_uses_[place]; }
  /// Whether the backward pass needs what the layer in a place gives: sums keep nothing of it.
  bool is_kept(size_t place) const;

 private:
  ActivationShape shape_of(const LayerDescription& layer) const;

  std::vector<LayerDescription> layers_;
  std::vector<ActivationShape> shapes_;
  std::vector<size_t> last_uses_;
};

}  // namespace kappa
