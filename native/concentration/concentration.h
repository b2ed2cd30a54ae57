// How scattered the embeddings of each class are, and the margins that follow (KappaFace, section 3).
//
//   n_c      images of class c that were seen          Rbar_c = |sum of their unit embeddings| / n_c
//   kappa_c  concentration of the von Mises-Fisher distribution, by Banerjee's approximation
//   psi_c    share of the full margin that class c gets
//
// C own classes, D embedding. Means, deviations and maxima are of the classes of all shards; they meet as a
// few numbers.
#pragma once
#include <ATen/core/Tensor.h>

#include <tuple>

#include "runtime/shard_group.h"

namespace kappa {

/// Mean resultant length and concentration of each class, float64 (C). Classes with fewer than two images
/// have none: they get the mean of the others. That of a class whose images are all alike (Rbar^2 above
/// 0.999) is large but finite, and takes no part in that mean.
/// @param sums_CD float64, sums of unit embeddings
/// @param counts_C int64, embeddings in each
/// @param debias correct the upward bias of Rbar for small classes
/// @param group null where this shard has all classes
std::tuple<at::Tensor, at::Tensor> class_concentration(const at::Tensor& sums_CD, const at::Tensor& counts_C,
                                                       bool debias, ShardGroup* group);

/// Concentration weight wk, population weight ws and margin scale psi of each class, float64 (C). Kappa is
/// standardized by the classes with two images or more that are not all alike; a class whose images are has
/// wk 0, one with fewer than two images the mean's, 1/2.
/// @param paper the paper's convention (K = max n, gamma on ws) instead of the official code's
/// @param group null where this shard has all classes
std::tuple<at::Tensor, at::Tensor, at::Tensor> class_margin_scale(
    const at::Tensor& resultant_C, const at::Tensor& kappa_C, const at::Tensor& counts_C,
    const at::Tensor& samples_per_class_C, double temperature, double gamma, bool paper, ShardGroup* group);

}  // namespace kappa
