// Reductions, order, equality of whole tensors.
#include "runtime/call.h"
#include "tensor/tensor_js.h"

namespace kappa {
namespace {
using at::Tensor;
using Dims = std::optional<std::vector<int64_t>>;
using Pair = std::tuple<Tensor, Tensor>;

at::OptionalIntArrayRef dims_of(const Dims& dims) {
  return dims ? at::OptionalIntArrayRef(*dims) : at::OptionalIntArrayRef();
}
}  // namespace

void register_reductions(Registry& registry) {
  registry.async("sum",
                 [](const Tensor& a, const Dims& dims, bool keep) { return a.sum(dims_of(dims), keep); });
  registry.async("mean",
                 [](const Tensor& a, const Dims& dims, bool keep) { return a.mean(dims_of(dims), keep); });
  registry.async("std", [](const Tensor& a, const Dims& dims, double correction, bool keep) {
    return a.std(dims_of(dims), std::optional<at::Scalar>(correction), keep);
  });
  registry.async("variance", [](const Tensor& a, const Dims& dims, double correction, bool keep) {
    return a.var(dims_of(dims), std::optional<at::Scalar>(correction), keep);
  });
  registry.async("norm", [](const Tensor& a, double p, const Dims& dims, bool keep) {
    if (!dims) return a.norm(p);
    return a.norm(p, *dims, keep);
  });
  registry.async("amax", [](const Tensor& a, const Dims& dims, bool keep) {
    return a.amax(dims ? *dims : std::vector<int64_t>{}, keep);
  });
  registry.async("amin", [](const Tensor& a, const Dims& dims, bool keep) {
    return a.amin(dims ? *dims : std::vector<int64_t>{}, keep);
  });
  registry.async("argmax", [](const Tensor& a, const std::optional<int64_t>& dim, bool keep) {
    return a.argmax(dim, keep);
  });
  registry.async("argmin", [](const Tensor& a, const std::optional<int64_t>& dim, bool keep) {
    return a.argmin(dim, keep);
  });
  registry.async("any", [](const Tensor& a) { return a.any(); });
  registry.async("all", [](const Tensor& a) { return a.all(); });
  registry.async("cumsum", [](const Tensor& a, int64_t dim) { return a.cumsum(dim); });
  registry.async("topk", [](const Tensor& a, int64_t k, int64_t dim, bool largest) {
    return Pair(a.topk(k, dim, largest, true));
  });
  registry.async("sort", [](const Tensor& a, int64_t dim, bool descending) {
    return Pair(a.sort(std::optional<bool>(true), dim, descending));
  });
  registry.async("equal", [](const Tensor& a, const Tensor& b) {
    return a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type() && a.equal(b);
  });
  registry.async("allClose", [](const Tensor& a, const Tensor& b, double relative, double absolute) {
    require(at::are_expandable(a.sizes(), b.sizes()), "ERR_SHAPE",
            "The shapes of allClose() do not fit together: ", c10::str(a.sizes()), " and ",
            c10::str(b.sizes()), ".");
    return a.allclose(b, relative, absolute);
  });
}

}  // namespace kappa
