#include "concentration/class_sums.h"

#include <ATen/ATen.h>

#include "runtime/error.h"

namespace kappa {

using at::Tensor;

void check_class_sums(const Tensor& sums_CD, const Tensor& counts_C) {
  require(sums_CD.dim() == 2 && sums_CD.scalar_type() == at::kDouble && sums_CD.is_contiguous() &&
              counts_C.scalar_type() == at::kLong && counts_C.is_contiguous() && counts_C.dim() == 1 &&
              counts_C.size(0) == sums_CD.size(0),
          "ERR_SHAPE", "Expected class sums (classes, dimension) in float64 and int64 counts (classes).");
  require(sums_CD.is_cpu() && counts_C.is_cpu(), "ERR_DEVICE", "Class sums and counts are kept on the CPU.");
}

void add_to_class_sums(const Tensor& sums_CD, const Tensor& counts_C, const ClassRange& classes,
                       const StepBatches& step, ShardGroup* group) {
  check_class_sums(sums_CD, counts_C);
  require(sums_CD.size(0) == classes.count, "ERR_SHAPE", "Expected sums of ", classes.count,
          " classes but received ", sums_CD.size(0), ".");
  const int64_t dim = sums_CD.size(1);
  const OwnSamples own = own_samples(step, classes, dim, group);
  auto* sums = sums_CD.data_ptr<double>();
  auto* counts = counts_C.data_ptr<int64_t>();
  SamplesByClass(own).for_each([&](std::span<const size_t> samples) {
    std::vector<double> z(static_cast<size_t>(dim));
    for (const size_t i : samples) {
      own.unit_vector(own.samples[i], z);
      double* sum = sums + own.samples[i].label * dim;
      for (int64_t d = 0; d < dim; ++d) sum[d] += z[static_cast<size_t>(d)];
      counts[own.samples[i].label] += 1;
    }
  });
}

}  // namespace kappa
