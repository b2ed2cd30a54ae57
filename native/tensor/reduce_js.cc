// Reductions, order, equality of whole tensors.
#include "runtime/call.h"
#include "tensor/tensor_js.h"

namespace kappa {

/// Elements in their order, and where they stood.
struct Ordered {
  at::Tensor values;
  at::Tensor indices;
};
template <>
struct Fields<Ordered> {
  static constexpr const char* name = "Ordered";
  static constexpr std::tuple list{Field{"values", &Ordered::values}, Field{"indices", &Ordered::indices}};
};

namespace {
using at::Tensor;
using Dims = std::optional<std::vector<int64_t>>;

at::OptionalIntArrayRef dims_of(const Dims& dims) {
  return dims ? at::OptionalIntArrayRef(*dims) : at::OptionalIntArrayRef();
}
}  // namespace

void register_reductions(Registry& registry) {
  registry.async("sum", {"a", "dims", "keep"},
                 [](const Tensor& a, const Dims& dims, bool keep) { return a.sum(dims_of(dims), keep); });
  registry.async("mean", {"a", "dims", "keep"},
                 [](const Tensor& a, const Dims& dims, bool keep) { return a.mean(dims_of(dims), keep); });
  registry.async("std", {"a", "dims", "correction", "keep"},
                 [](const Tensor& a, const Dims& dims, double correction, bool keep) {
                   return a.std(dims_of(dims), std::optional<at::Scalar>(correction), keep);
                 });
  registry.async("variance", {"a", "dims", "correction", "keep"},
                 [](const Tensor& a, const Dims& dims, double correction, bool keep) {
                   return a.var(dims_of(dims), std::optional<at::Scalar>(correction), keep);
                 });
  registry.async("norm", {"a", "p", "dims", "keep"},
                 [](const Tensor& a, double p, const Dims& dims, bool keep) {
                   if (!dims) return a.norm(p);
                   return a.norm(p, *dims, keep);
                 });
  registry.async("amax", {"a", "dims", "keep"}, [](const Tensor& a, const Dims& dims, bool keep) {
    return a.amax(dims ? *dims : std::vector<int64_t>{}, keep);
  });
  registry.async("amin", {"a", "dims", "keep"}, [](const Tensor& a, const Dims& dims, bool keep) {
    return a.amin(dims ? *dims : std::vector<int64_t>{}, keep);
  });
  registry.async(
      "argmax", {"a", "dim", "keep"},
      [](const Tensor& a, const std::optional<int64_t>& dim, bool keep) { return a.argmax(dim, keep); });
  registry.async(
      "argmin", {"a", "dim", "keep"},
      [](const Tensor& a, const std::optional<int64_t>& dim, bool keep) { return a.argmin(dim, keep); });
  registry.async("any", {"a"}, [](const Tensor& a) { return a.any(); });
  registry.async("all", {"a"}, [](const Tensor& a) { return a.all(); });
  registry.async("cumsum", {"a", "dim"}, [](const Tensor& a, int64_t dim) { return a.cumsum(dim); });
  registry.async("topk", {"a", "k", "dim", "largest"},
                 [](const Tensor& a, int64_t k, int64_t dim, bool largest) {
                   auto [values, indices] = a.topk(k, dim, largest, true);
                   return Ordered{values, indices};
                 });
  registry.async("sort", {"a", "dim", "descending"}, [](const Tensor& a, int64_t dim, bool descending) {
    auto [values, indices] = a.sort(std::optional<bool>(true), dim, descending);
    return Ordered{values, indices};
  });
  registry.async("equal", {"a", "b"}, [](const Tensor& a, const Tensor& b) {
    return a.sizes() == b.sizes() && a.scalar_type() == b.scalar_type() && a.equal(b);
  });
  registry.async("allClose", {"a", "b", "relative", "absolute"},
                 [](const Tensor& a, const Tensor& b, double relative, double absolute) {
                   require(at::are_expandable(a.sizes(), b.sizes()), "ERR_SHAPE",
                           "The shapes of allClose() do not fit together: ", c10::str(a.sizes()), " and ",
                           c10::str(b.sizes()), ".");
                   return a.allclose(b, relative, absolute);
                 });
}

}  // namespace kappa
