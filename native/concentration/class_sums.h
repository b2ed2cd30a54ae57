// Sums of unit embeddings by class. C own classes, D embedding.
#pragma once
#include <ATen/core/Tensor.h>

#include "concentration/own_samples.h"

namespace kappa {

/// Throws ERR_SHAPE, ERR_DTYPE or ERR_DEVICE for what are no class sums.
/// @param sums_CD float64
/// @param counts_C int64
void check_class_sums(const at::Tensor& sums_CD, const at::Tensor& counts_C);

/// Adds the normalised embeddings of a step to the sums of the own classes, and counts them. A sample without
/// a direction (zero or not finite) is left out.
/// @param group null where this shard is alone
void add_to_class_sums(const at::Tensor& sums_CD, const at::Tensor& counts_C, const ClassRange& classes,
                       const StepBatches& step, ShardGroup* group);

}  // namespace kappa
