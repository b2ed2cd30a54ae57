// Indexing, slicing, shapes, joining.
#include "runtime/call.h"
#include "tensor/scalar.h"
#include "tensor/tensor_js.h"

namespace kappa {

void register_shape(Registry& registry) {
  using at::Tensor;
  using Shape = std::vector<int64_t>;
  registry.async("reshape", {"a", "shape"},
                 [](const Tensor& a, const Shape& shape) { return a.reshape(shape); });
  registry.async("permute", {"a", "dims"},
                 [](const Tensor& a, const Shape& dims) { return a.permute(dims); });
  registry.async("transpose", {"a", "dim0", "dim1"},
                 [](const Tensor& a, int64_t dim0, int64_t dim1) { return a.transpose(dim0, dim1); });
  registry.async("squeeze", {"a", "dim"}, [](const Tensor& a, const std::optional<int64_t>& dim) {
    return dim ? a.squeeze(*dim) : a.squeeze();
  });
  registry.async("unsqueeze", {"a", "dim"}, [](const Tensor& a, int64_t dim) { return a.unsqueeze(dim); });
  registry.async("flatten", {"a", "start", "end"},
                 [](const Tensor& a, int64_t start, int64_t end) { return a.flatten(start, end); });
  registry.async("expand", {"a", "shape"},
                 [](const Tensor& a, const Shape& shape) { return a.expand(shape); });
  registry.async("repeat", {"a", "repeats"},
                 [](const Tensor& a, const Shape& repeats) { return a.repeat(repeats); });
  registry.async("flip", {"a", "dims"}, [](const Tensor& a, const Shape& dims) { return a.flip(dims); });
  registry.async("contiguous", {"a", "channelsLast"}, [](const Tensor& a, bool channels_last) {
    return a.contiguous(channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
  });
  registry.async(
      "slice", {"a", "dim", "start", "end", "step"},
      [](const Tensor& a, int64_t dim, const std::optional<int64_t>& start, const std::optional<int64_t>& end,
         int64_t step) { return a.slice(dim, start, end, step); });
  registry.async("select", {"a", "dim", "index"},
                 [](const Tensor& a, int64_t dim, int64_t index) { return a.select(dim, index); });
  registry.async("indexSelect", {"a", "dim", "index"}, [](const Tensor& a, int64_t dim, const Tensor& index) {
    return a.index_select(dim, index);
  });
  registry.async("maskedSelect", {"a", "mask"},
                 [](const Tensor& a, const Tensor& mask) { return a.masked_select(mask); });
  registry.async("maskedFill", {"a", "mask", "value"}, [](const Tensor& a, const Tensor& mask, double value) {
    return a.masked_fill(mask, element_of(a.scalar_type(), value));
  });
  registry.async("gather", {"a", "dim", "index"},
                 [](const Tensor& a, int64_t dim, const Tensor& index) { return a.gather(dim, index); });
  registry.async("scatter", {"a", "dim", "index", "source"},
                 [](const Tensor& a, int64_t dim, const Tensor& index, const Operand& source) {
                   return source.is_tensor()
                              ? a.scatter(dim, index, source.tensor)
                              : a.scatter(dim, index, element_of(a.scalar_type(), source.number));
                 });
  registry.async("scatterAdd", {"a", "dim", "index", "source"},
                 [](const Tensor& a, int64_t dim, const Tensor& index, const Tensor& source) {
                   return a.scatter_add(dim, index, source);
                 });
  registry.async("indexAdd", {"a", "dim", "index", "source"},
                 [](const Tensor& a, int64_t dim, const Tensor& index, const Tensor& source) {
                   return a.index_add(dim, index, source);
                 });
  registry.async("cat", {"tensors", "dim"},
                 [](const std::vector<Tensor>& tensors, int64_t dim) { return at::cat(tensors, dim); });
  registry.async("stack", {"tensors", "dim"},
                 [](const std::vector<Tensor>& tensors, int64_t dim) { return at::stack(tensors, dim); });
  registry.async("split", {"a", "size", "dim"},
                 [](const Tensor& a, int64_t size, int64_t dim) { return a.split(size, dim); });
}

}  // namespace kappa
