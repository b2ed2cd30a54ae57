#include "nn/subsample.h"

#include <ATen/ATen.h>

#include "nn/iresnet.h"
#include "nn/network.h"
#include "test/test.h"

namespace {

using at::Tensor;
using kappa::subsample;

TEST("every other pixel is what LibTorch's slices give, and its gradient stays in channels_last") {
  const Tensor x = at::randn({2, 4, 5, 6}).contiguous(at::MemoryFormat::ChannelsLast).set_requires_grad(true);
  const Tensor y = subsample(x, 2);
  EXPECT(at::equal(y, x.slice(2, std::nullopt, std::nullopt, 2).slice(3, std::nullopt, std::nullopt, 2)));
  const Tensor factors = at::randn({2, 4, 3, 3});
  (y * factors).sum().backward();
  Tensor expected = at::zeros({2, 4, 5, 6});
  expected.slice(2, std::nullopt, std::nullopt, 2).slice(3, std::nullopt, std::nullopt, 2).copy_(factors);
  EXPECT(at::equal(x.grad(), expected));
  EXPECT(x.grad().is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT(subsample(x, 1).is_same(x));
}

}  // namespace
