#include "eval/templates.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>
#include <vector>

#include "eval/indices.h"
#include "runtime/error.h"
#include "runtime/parallel.h"

namespace kappa {
namespace {

using at::Tensor;

/// Adds a face to a sum, as far as it counts. @returns whether it is finite
bool add_face(const float* feature, const float* mirrored, double weight, bool normalises, int64_t dim,
              std::vector<double>& face, std::vector<double>& sum) {
  double square = 0;
  for (int64_t d = 0; d < dim; ++d) {
    const double value = static_cast<double>(feature[d]) + (mirrored != nullptr ? mirrored[d] : 0.0f);
    face[static_cast<size_t>(d)] = value;
    square += value * value;
  }
  const double factor = normalises ? weight / std::fmax(std::sqrt(square), 1e-12) : weight;
  for (int64_t d = 0; d < dim; ++d) sum[static_cast<size_t>(d)] += factor * face[static_cast<size_t>(d)];
  return std::isfinite(square * factor);
}

}  // namespace

Tensor pool_templates(const TemplateFaces& faces, int64_t templates, bool normalises) {
  const Tensor features = checked_rows(faces.features_FD, "features");
  const int64_t count = features.size(0);
  const int64_t dim = features.size(1);
  const Tensor mirrored =
      faces.mirrored_FD ? checked_rows(*faces.mirrored_FD, "mirrored features") : Tensor();
  require(!mirrored.defined() || mirrored.sizes() == features.sizes(), "ERR_SHAPE",
          "Expected as many mirrored features as plain ones, ", features.sizes(), ", but received ",
          mirrored.defined() ? mirrored.sizes() : at::IntArrayRef{}, ".");
  Tensor weights;
  if (faces.weights_F) {
    weights = faces.weights_F->to(at::kFloat).contiguous();
    require(weights.dim() == 1 && weights.size(0) == count && weights.is_cpu(), "ERR_SHAPE",
            "Expected a weight for each of ", count, " faces on the CPU.");
  }
  const Tensor own = checked_indices(faces.templates_F, count, templates, "templates of faces");
  const Tensor media = checked_integers(faces.media_F, count, "media of faces");

  // The faces of each template, and in it those of each media one after the other.
  const auto* template_of = own.const_data_ptr<int32_t>();
  const auto* media_of = media.const_data_ptr<int64_t>();
  std::vector<int64_t> starts(static_cast<size_t>(templates) + 1);
  for (int64_t f = 0; f < count; ++f) ++starts[static_cast<size_t>(template_of[f]) + 1];
  for (int64_t t = 0; t < templates; ++t) {
    require(starts[static_cast<size_t>(t) + 1] > 0, "ERR_LABEL_RANGE", "Template ", t, " has no face.");
  }
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  std::vector<int64_t> order(static_cast<size_t>(count));
  std::vector<int64_t> next(starts.begin(), starts.end() - 1);
  for (int64_t f = 0; f < count; ++f) {
    order[static_cast<size_t>(next[static_cast<size_t>(template_of[f])]++)] = f;
  }

  Tensor pooled = at::empty({templates, dim}, features.options());
  const auto* plain = features.const_data_ptr<float>();
  const float* mirror = mirrored.defined() ? mirrored.const_data_ptr<float>() : nullptr;
  const float* weight = weights.defined() ? weights.const_data_ptr<float>() : nullptr;
  auto* out = pooled.mutable_data_ptr<float>();
  std::atomic<int64_t> bad = -1;
  parallel_for(0, templates, 16, [&](int64_t begin, int64_t end) {
    const auto size = static_cast<size_t>(dim);
    std::vector<double> face(size), of_media(size), total(size);
    for (int64_t t = begin; t < end; ++t) {
      const auto first = order.begin() + starts[static_cast<size_t>(t)];
      const auto last = order.begin() + starts[static_cast<size_t>(t) + 1];
      std::stable_sort(first, last, [&](int64_t a, int64_t b) { return media_of[a] < media_of[b]; });
      std::fill(total.begin(), total.end(), 0);
      for (auto from = first; from != last;) {
        std::fill(of_media.begin(), of_media.end(), 0);
        auto at = from;
        for (; at != last && media_of[*at] == media_of[*from]; ++at) {
          const bool is_finite = add_face(plain + *at * dim, mirror != nullptr ? mirror + *at * dim : nullptr,
                                          weight != nullptr ? static_cast<double>(weight[*at]) : 1,
                                          normalises, dim, face, of_media);
          if (!is_finite) bad = *at;
        }
        const auto faces_of_media = static_cast<double>(at - from);
        for (size_t d = 0; d < size; ++d) total[d] += of_media[d] / faces_of_media;
        from = at;
      }
      double square = 0;
      for (const double value : total) square += value * value;
      const double factor = 1 / std::fmax(std::sqrt(square), 1e-12);
      for (size_t d = 0; d < size; ++d)
        out[t * dim + static_cast<int64_t>(d)] = static_cast<float>(total[d] * factor);
    }
  });
  require(bad < 0, "ERR_NOT_FINITE", "The feature or the weight of face ", bad.load(), " is not finite.");
  return pooled;
}

}  // namespace kappa
