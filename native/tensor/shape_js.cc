// Indexing, slicing, shapes, joining.
#include "runtime/call.h"
#include "tensor/scalar.h"
#include "tensor/tensor_js.h"

namespace kappa {

void register_shape(Registry& registry) {
  using at::Tensor;
  using Shape = std::vector<int64_t>;
  registry.async("reshape", [](const Tensor& a, const Shape& shape) { return a.reshape(shape); });
  registry.async("permute", [](const Tensor& a, const Shape& dims) { return a.permute(dims); });
  registry.async("transpose",
                 [](const Tensor& a, int64_t dim0, int64_t dim1) { return a.transpose(dim0, dim1); });
  registry.async("squeeze", [](const Tensor& a, const std::optional<int64_t>& dim) {
    return dim ? a.squeeze(*dim) : a.squeeze();
  });
  registry.async("unsqueeze", [](const Tensor& a, int64_t dim) { return a.unsqueeze(dim); });
  registry.async("flatten",
                 [](const Tensor& a, int64_t start, int64_t end) { return a.flatten(start, end); });
  registry.async("expand", [](const Tensor& a, const Shape& shape) { return a.expand(shape); });
  registry.async("repeat", [](const Tensor& a, const Shape& repeats) { return a.repeat(repeats); });
  registry.async("flip", [](const Tensor& a, const Shape& dims) { return a.flip(dims); });
  registry.async("contiguous", [](const Tensor& a, bool channels_last) {
    return a.contiguous(channels_last ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
  });
  registry.async("slice", [](const Tensor& a, int64_t dim, const std::optional<int64_t>& start,
                             const std::optional<int64_t>& end,
                             int64_t step) { return a.slice(dim, start, end, step); });
  registry.async("select", [](const Tensor& a, int64_t dim, int64_t index) { return a.select(dim, index); });
  registry.async("indexSelect", [](const Tensor& a, int64_t dim, const Tensor& index) {
    return a.index_select(dim, index);
  });
  registry.async("maskedSelect", [](const Tensor& a, const Tensor& mask) { return a.masked_select(mask); });
  registry.async("maskedFill", [](const Tensor& a, const Tensor& mask, double value) {
    return a.masked_fill(mask, element_of(a.scalar_type(), value));
  });
  registry.async("gather",
                 [](const Tensor& a, int64_t dim, const Tensor& index) { return a.gather(dim, index); });
  registry.async("scatter", [](const Tensor& a, int64_t dim, const Tensor& index, const Operand& source) {
    return source.is_tensor() ? a.scatter(dim, index, source.tensor)
                              : a.scatter(dim, index, element_of(a.scalar_type(), source.number));
  });
  registry.async("scatterAdd", [](const Tensor& a, int64_t dim, const Tensor& index, const Tensor& source) {
    return a.scatter_add(dim, index, source);
  });
  registry.async("indexAdd", [](const Tensor& a, int64_t dim, const Tensor& index, const Tensor& source) {
    return a.index_add(dim, index, source);
  });
  registry.async("cat",
                 [](const std::vector<Tensor>& tensors, int64_t dim) { return at::cat(tensors, dim); });
  registry.async("stack",
                 [](const std::vector<Tensor>& tensors, int64_t dim) { return at::stack(tensors, dim); });
  registry.async("split", [](const Tensor& a, int64_t size, int64_t dim) { return a.split(size, dim); });
}

}  // namespace kappa
