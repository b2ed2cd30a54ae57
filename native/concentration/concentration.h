// How scattered the embeddings of each class are, and the margins that follow (KappaFace, section 3).
//
//   n_c      images of class c that were seen          Rbar_c = |sum of their unit embeddings| / n_c
//   kappa_c  concentration of the von Mises-Fisher distribution, by Banerjee's approximation
//   psi_c    share of the full margin that class c gets
#pragma once
#include <ATen/core/Tensor.h>

#include <tuple>

namespace kappa {

/// Replaces the stored unit embeddings of a batch and keeps the class sums exact:
/// zbar <- normalize((1 - alpha) zbar + alpha z); the first visit stores z itself. A sample without a
/// direction (zero or not finite) is left out. N images, C classes, D embedding, B batch.
/// @param buffer_ND float32 or bfloat16
/// @param visited_N uint8
/// @param sums_CD float64
/// @param counts_C int64, images of each class that have been visited
/// @param embeddings_BD float32, any length
/// @param indices_B int64, image of each sample
/// @param labels_B int64, class of each sample
void update_memory(const at::Tensor& buffer_ND, const at::Tensor& visited_N, const at::Tensor& sums_CD,
                   const at::Tensor& counts_C, const at::Tensor& embeddings_BD, const at::Tensor& indices_B,
                   const at::Tensor& labels_B, double alpha);

/// Adds the normalised embeddings of a batch to the class sums and counts the visits.
void add_to_class_sums(const at::Tensor& sums_CD, const at::Tensor& counts_C, const at::Tensor& embeddings_BD,
                       const at::Tensor& labels_B);

/// Mean resultant length and concentration of each class, float64 (C). Classes with fewer than two images
/// have none: they get the mean of the others. That of a class whose images are all alike (Rbar^2 above
/// 0.999) is large but finite, and takes no part in that mean.
/// @param debias correct the upward bias of Rbar for small classes
std::tuple<at::Tensor, at::Tensor> class_concentration(const at::Tensor& sums_CD, const at::Tensor& counts_C,
                                                       bool debias);

/// Concentration weight wk, population weight ws and margin scale psi of each class, float64 (C). Kappa is
/// standardized by the classes with two images or more that are not all alike; a class whose images are has
/// wk 0, one with fewer than two images the mean's, 1/2.
/// @param paper the paper's convention (K = max n, gamma on ws) instead of the official code's
std::tuple<at::Tensor, at::Tensor, at::Tensor> class_margin_scale(
    const at::Tensor& resultant_C, const at::Tensor& kappa_C, const at::Tensor& counts_C,
    const at::Tensor& samples_per_class_C, double temperature, double gamma, bool paper);

}  // namespace kappa
