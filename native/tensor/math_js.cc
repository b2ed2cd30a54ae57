// Arithmetic with broadcasting, comparison, elementwise functions, products.
#include "runtime/call.h"
#include "runtime/labels.h"
#include "tensor/scalar.h"
#include "tensor/tensor_js.h"

namespace kappa {
namespace {

/// Registers an operation whose right side is a tensor or a number.
#define KAPPA_BINARY(name, method)                                                  \
  registry.async(name, {"a", "b"}, [](const at::Tensor& a, const Operand& b) {      \
    return b.is_tensor() ? a.method(b.tensor) : a.method(operand_for(a, b.number)); \
  })
/// The same for one that changes its left side, whose type stays: a fraction does not go into integers.
#define KAPPA_IN_PLACE(name, method)                                                             \
  registry.async(name, {"a", "b"}, [](const at::Tensor& a, const Operand& b) {                   \
    return b.is_tensor() ? a.method(b.tensor) : a.method(element_of(a.scalar_type(), b.number)); \
  })
#define KAPPA_UNARY(name, method) registry.async(name, {"a"}, [](const at::Tensor& a) { return a.method(); })

}  // namespace

void register_math(Registry& registry) {
  using at::Tensor;
  KAPPA_BINARY("add", add);
  KAPPA_BINARY("sub", sub);
  KAPPA_BINARY("mul", mul);
  KAPPA_BINARY("div", div);
  KAPPA_BINARY("pow", pow);
  KAPPA_BINARY("remainder", remainder);
  KAPPA_IN_PLACE("addInto", add_);
  KAPPA_IN_PLACE("subInto", sub_);
  KAPPA_IN_PLACE("mulInto", mul_);
  KAPPA_IN_PLACE("divInto", div_);
  KAPPA_BINARY("eq", eq);
  KAPPA_BINARY("ne", ne);
  KAPPA_BINARY("lt", lt);
  KAPPA_BINARY("le", le);
  KAPPA_BINARY("gt", gt);
  KAPPA_BINARY("ge", ge);
  registry.async("maximum", {"a", "b"}, [](const Tensor& a, const Operand& b) {
    return b.is_tensor() ? at::maximum(a, b.tensor) : a.clamp_min(operand_for(a, b.number));
  });
  registry.async("minimum", {"a", "b"}, [](const Tensor& a, const Operand& b) {
    return b.is_tensor() ? at::minimum(a, b.tensor) : a.clamp_max(operand_for(a, b.number));
  });
  KAPPA_UNARY("neg", neg);
  KAPPA_UNARY("abs", abs);
  KAPPA_UNARY("sign", sign);
  KAPPA_UNARY("sqrt", sqrt);
  KAPPA_UNARY("rsqrt", rsqrt);
  KAPPA_UNARY("exp", exp);
  KAPPA_UNARY("log", log);
  KAPPA_UNARY("sin", sin);
  KAPPA_UNARY("cos", cos);
  KAPPA_UNARY("acos", acos);
  KAPPA_UNARY("tanh", tanh);
  KAPPA_UNARY("sigmoid", sigmoid);
  KAPPA_UNARY("relu", relu);
  KAPPA_UNARY("floor", floor);
  KAPPA_UNARY("ceil", ceil);
  KAPPA_UNARY("round", round);
  KAPPA_UNARY("logicalNot", logical_not);
  KAPPA_UNARY("isFinite", isfinite);
  KAPPA_UNARY("isNaN", isnan);
  registry.async("logicalAnd", {"a", "b"}, [](const Tensor& a, const Tensor& b) { return a.logical_and(b); });
  registry.async("logicalOr", {"a", "b"}, [](const Tensor& a, const Tensor& b) { return a.logical_or(b); });
  registry.async("clamp", {"a", "low", "high"},
                 [](const Tensor& a, const std::optional<double>& low, const std::optional<double>& high) {
                   return a.clamp(operand_for(a, low), operand_for(a, high));
                 });
  registry.async(
      "where", {"condition", "a", "b"}, [](const Tensor& condition, const Operand& a, const Operand& b) {
        const Tensor& like = a.is_tensor() ? a.tensor : b.tensor;
        require(like.defined(), "ERR_ARGUMENT", "where() needs a tensor on at least one side.");
        auto side = [&](const Operand& x) {
          return x.is_tensor() ? x.tensor
                               : at::scalar_tensor(element_of(like.scalar_type(), x.number), like.options());
        };
        return at::where(condition, side(a), side(b));
      });
  registry.async("matmul", {"a", "b"}, [](const Tensor& a, const Tensor& b) { return a.matmul(b); });
  registry.async("softmax", {"a", "dim"}, [](const Tensor& a, int64_t dim) { return a.softmax(dim); });
  registry.async("logSoftmax", {"a", "dim"}, [](const Tensor& a, int64_t dim) { return a.log_softmax(dim); });
  registry.async("normalize", {"a", "dim", "eps"}, [](const Tensor& a, int64_t dim, double eps) {
    return a / a.norm(2, {dim}, true).clamp_min(eps).expand_as(a);
  });
  registry.async("crossEntropy", {"logits", "labels"}, [](const Tensor& logits, const Tensor& labels) {
    const Tensor classes = as_int64(labels, "labels");
    // On a GPU the check would wait for it; there LibTorch's own assertion speaks.
    if (classes.is_cpu() && classes.numel() > 0 && logits.dim() == 2) {
      const auto [least, most] = classes.aminmax();
      const int64_t low = least.item<int64_t>();
      const int64_t high = most.item<int64_t>();
      require(low >= 0 && high < logits.size(1), "ERR_LABEL_RANGE", "Expected labels from 0 to ",
              logits.size(1) - 1, " for ", logits.size(1), " classes but received ", low < 0 ? low : high,
              ".");
    }
    return at::cross_entropy_loss(logits, classes);
  });
}

}  // namespace kappa
