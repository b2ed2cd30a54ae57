// IResNet: the residual network of ArcFace (insightface's iresnet), with its parameter names.
#pragma once
#include <cstdint>
#include <vector>

#include "nn/topology.h"

namespace kappa {

struct IResNetOptions {
  std::vector<int64_t> blocks = {2, 2, 2, 2};  // of each of the four layers
  double width_multiplier = 1;
  int64_t embedding_size = 512;
  double dropout = 0;
  int64_t image_size = 112;
};

/// The table of an IResNet. Convolutions begin as N(0, 0.1), PReLU at 0.25, batch norms at 1 and 0, the
/// linear layer uniform in +-1/sqrt(fan-in).
Topology iresnet(const IResNetOptions& options);

}  // namespace kappa
