#include "head/limit.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <type_traits>
#include <vector>

#include "kernels/cpu/products.h"
#include "runtime/error.h"
#include "runtime/parallel.h"

namespace kappa {
namespace {

using at::BFloat16;
using at::Tensor;

constexpr int64_t block_rows = 128;

template <class P>
void products(const P* centres, const P* embeddings, P* logits, float* wide_logits, float* outputs,
              float* gradients, int64_t rows, int64_t batch, int64_t dim) {
  if constexpr (std::is_same_v<P, float>) {
    block_product(rows, batch, dim, centres, dim, embeddings, batch, wide_logits, batch, false);
    block_product(batch, dim, rows, logits, rows, centres, dim, outputs, dim, true);
    block_product(rows, dim, batch, logits, batch, embeddings, dim, gradients, dim, false);
  } else {
    block_product(rows, batch, dim, centres, dim, embeddings, wide_logits, batch, false);
    block_product(batch, dim, rows, logits, rows, centres, outputs, dim, true);
    block_product(rows, dim, batch, logits, batch, embeddings, gradients, dim, false);
  }
}

template <class P>
double measure(int64_t batch, int64_t classes, int64_t dim, int64_t repeats) {
  const auto dtype = c10::CppTypeToScalarType<P>::value;
  const int64_t blocks = classes / block_rows;
  const int64_t threads = std::max<int64_t>(1, std::min<int64_t>(at::get_num_threads(), blocks));
  Tensor centres_CD = at::rand({classes, dim}, at::kFloat);
  Tensor velocity_CD = at::rand({classes, dim}, at::kFloat);
  const Tensor operands_CD = centres_CD.to(dtype);
  const Tensor embeddings_BD = at::rand({batch, dim}, at::kFloat).to(dtype);
  const Tensor logits = at::rand({threads, block_rows * batch}, at::kFloat).to(dtype);
  Tensor wide_logits = at::empty({threads, block_rows * batch}, at::kFloat);
  Tensor outputs = at::zeros({threads, batch * dim}, at::kFloat);
  Tensor gradients = at::rand({threads, block_rows * dim}, at::kFloat);
  std::vector<double> seconds;
  for (int64_t repeat = 0; repeat <= repeats; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    parallel_for(0, threads, 1, [&](int64_t begin, int64_t end) {
      for (int64_t thread = begin; thread < end; ++thread) {
        for (int64_t block = thread * blocks / threads; block < (thread + 1) * blocks / threads; ++block) {
          products<P>(operands_CD.data_ptr<P>() + block * block_rows * dim, embeddings_BD.data_ptr<P>(),
                      logits.data_ptr<P>() + thread * block_rows * batch,
                      wide_logits.data_ptr<float>() + thread * block_rows * batch,
                      outputs.data_ptr<float>() + thread * batch * dim,
                      gradients.data_ptr<float>() + thread * block_rows * dim, block_rows, batch, dim);
        }
      }
      finish_block_products();
    });
    parallel_for(0, classes, block_rows, [&](int64_t begin, int64_t end) {
      float* centres = centres_CD.data_ptr<float>();
      float* velocities = velocity_CD.data_ptr<float>();
      for (int64_t i = begin * dim; i < end * dim; ++i) {
        velocities[i] = 0.9f * velocities[i] + 5e-4f * centres[i];
        centres[i] -= 0.1f * velocities[i];
      }
    });
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    if (repeat > 0) seconds.push_back(elapsed.count());  // the first one warms up
  }
  std::nth_element(seconds.begin(), seconds.begin() + repeats / 2, seconds.end());
  return seconds[repeats / 2];
}

}  // namespace

double measure_head_limit(int64_t batch, int64_t classes, int64_t dim, bool bf16, int64_t repeats) {
  require(batch > 0 && batch % 2 == 0 && dim > 0 && dim % 2 == 0 && classes >= block_rows && repeats > 0,
          "ERR_ARGUMENT", "The limit is measured for an even batch and dimension and at least ", block_rows,
          " classes.");
  return bf16 ? measure<BFloat16>(batch, classes, dim, repeats)
              : measure<float>(batch, classes, dim, repeats);
}

}  // namespace kappa
