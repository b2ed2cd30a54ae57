#include "head/head_js.h"

#include "head/margin_softmax.h"
#include "runtime/call.h"

namespace kappa {

void register_head(Registry& registry) {
  registry.async("marginSoftmax", [](const at::Tensor& embeddings, const at::Tensor& centres,
                                     const at::Tensor& labels, const at::Tensor& margins, double scale,
                                     const std::string& kind, const std::string& beyond_pi) {
    require(kind == "angular" || kind == "cosine", "ERR_ARGUMENT", "Unknown margin kind '", kind, "'.");
    require(beyond_pi == "extend" || beyond_pi == "none", "ERR_ARGUMENT", "Unknown beyondPi '", beyond_pi,
            "'.");
    return margin_softmax(embeddings, centres, labels, margins,
                          {scale, kind == "angular" ? MarginKind::angular : MarginKind::cosine,
                           beyond_pi == "extend" ? BeyondPi::extend : BeyondPi::none});
  });
}

}  // namespace kappa
