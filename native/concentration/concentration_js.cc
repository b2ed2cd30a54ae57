#include "concentration/concentration_js.h"

#include "concentration/concentration.h"
#include "runtime/call.h"
#include "runtime/labels.h"

namespace kappa {

void register_concentration(Registry& registry) {
  using at::Tensor;
  registry.async("updateMemory",
                 [](const Tensor& buffer, const Tensor& visited, const Tensor& sums, const Tensor& counts,
                    const Tensor& embeddings, const Tensor& indices, const Tensor& labels, double alpha) {
                   update_memory(buffer, visited, sums, counts, embeddings,
                                 as_int64(indices, "sample indices"), as_int64(labels, "labels"), alpha);
                 });
  registry.async("addToClassSums", [](const Tensor& sums, const Tensor& counts, const Tensor& embeddings,
                                      const Tensor& labels) {
    add_to_class_sums(sums, counts, embeddings, as_int64(labels, "labels"));
  });
  registry.async("classConcentration", [](const Tensor& sums, const Tensor& counts, bool debias) {
    return class_concentration(sums, counts, debias);
  });
  registry.async(
      "classMarginScale", [](const Tensor& resultant, const Tensor& kappa, const Tensor& counts,
                             const Tensor& samples_per_class, double temperature, double gamma, bool paper) {
        return class_margin_scale(resultant, kappa, counts, samples_per_class, temperature, gamma, paper);
      });
}

}  // namespace kappa
