// Templates of the IJB protocols: a person's faces in one vector.
#pragma once
#include <ATen/core/Tensor.h>

#include <optional>

namespace kappa {

/// The faces of a benchmark, and where they belong.
struct TemplateFaces {
  at::Tensor features_FD;                 // float32, as the network gives them
  std::optional<at::Tensor> mirrored_FD;  // of the mirror images, which are added; none: they are not
  std::optional<at::Tensor> weights_F;    // float32, by which each face counts, such as a detector's score
  at::Tensor templates_F;                 // integers from 0 on
  at::Tensor media_F;  // integers: faces of one number in a template come from one picture or video
};

/// The mean of the faces of each media, the sum of those over the template's media, at length 1.
/// @param templates how many there are; each must have a face
/// @param normalises each face counts alike, whatever the length of its feature
/// @returns float32 (templates, D)
/// @throws Error ERR_SHAPE, ERR_DTYPE, ERR_DEVICE, ERR_LABEL_RANGE, and ERR_NOT_FINITE naming the face
at::Tensor pool_templates(const TemplateFaces& faces, int64_t templates, bool normalises);

}  // namespace kappa
