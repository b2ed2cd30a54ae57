#include "concentration/concentration.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "runtime/error.h"

namespace kappa {
namespace {

using at::Tensor;

// 1 - Rbar^2 of a class whose images coincide; kappa stays finite.
constexpr double resultant_floor = 1e-6;
constexpr double norm_epsilon = 1e-12;
constexpr int64_t least_images = 2;
// Rbar^2 from which on the images of a class count as all alike. Different photographs of a person stay far
// below; the roundings of a bfloat16 buffer move a class of one picture by less than this.
constexpr double alike = 0.999;

/// Writes the unit vector of x into z and returns whether x has a direction.
bool unit_vector(const float* x, int64_t dim, std::vector<double>& z) {
  double squares = 0;
  for (int64_t d = 0; d < dim; ++d) squares += static_cast<double>(x[d]) * x[d];
  const double length = std::sqrt(squares);
  if (!(length > norm_epsilon) || !std::isfinite(length)) return false;
  for (int64_t d = 0; d < dim; ++d) z[static_cast<size_t>(d)] = x[d] / length;
  return true;
}

void check_state(const Tensor& sums_CD, const Tensor& counts_C) {
  require(sums_CD.dim() == 2 && sums_CD.scalar_type() == at::kDouble && sums_CD.is_contiguous() &&
              counts_C.scalar_type() == at::kLong && counts_C.is_contiguous() && counts_C.dim() == 1 &&
              counts_C.size(0) == sums_CD.size(0),
          "ERR_SHAPE", "Expected class sums (classes, dimension) in float64 and int64 counts (classes).");
  require(sums_CD.is_cpu() && counts_C.is_cpu(), "ERR_DEVICE", "Class sums and counts are kept on the CPU.");
}

void check_batch(const Tensor& embeddings_BD, const Tensor& labels_B, const Tensor& sums_CD) {
  require(embeddings_BD.dim() == 2 && embeddings_BD.size(1) == sums_CD.size(1), "ERR_SHAPE",
          "Expected embeddings of dimension ", sums_CD.size(1), " but received ", embeddings_BD.sizes(), ".");
  require(
      labels_B.dim() == 1 && labels_B.scalar_type() == at::kLong && labels_B.size(0) == embeddings_BD.size(0),
      "ERR_SHAPE", "Expected ", embeddings_BD.size(0), " int64 labels.");
  const auto* labels = labels_B.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < labels_B.size(0); ++i) {
    require(labels[i] >= 0 && labels[i] < sums_CD.size(0), "ERR_LABEL_RANGE", "Label ", labels[i],
            " of sample ", i, " lies outside 0 to ", sums_CD.size(0) - 1, ".");
  }
}

/// Classes whose images are one picture: their kappa says nothing but that it is large.
Tensor saturated(const Tensor& resultant_C, const Tensor& counts_C) {
  return (counts_C >= least_images).logical_and(resultant_C.square() >= alike);
}

/// Classes whose kappa is one of many: those that mean and standard deviation are of.
Tensor comparable(const Tensor& resultant_C, const Tensor& counts_C) {
  return (counts_C >= least_images).logical_and(resultant_C.square() < alike);
}

template <class Storage>
void update_memory_of(const Tensor& buffer_ND, const Tensor& visited_N, const Tensor& sums_CD,
                      const Tensor& counts_C, const Tensor& embeddings_BD, const Tensor& indices_B,
                      const Tensor& labels_B, double alpha) {
  const int64_t dim = sums_CD.size(1);
  auto* buffer = buffer_ND.data_ptr<Storage>();
  auto* visited = visited_N.data_ptr<uint8_t>();
  auto* sums = sums_CD.data_ptr<double>();
  auto* counts = counts_C.data_ptr<int64_t>();
  const auto* embeddings = embeddings_BD.const_data_ptr<float>();
  const auto* indices = indices_B.const_data_ptr<int64_t>();
  const auto* labels = labels_B.const_data_ptr<int64_t>();
  std::vector<double> z(static_cast<size_t>(dim));
  // In the order of the batch: an image may stand in it twice.
  for (int64_t i = 0; i < embeddings_BD.size(0); ++i) {
    if (!unit_vector(embeddings + i * dim, dim, z)) continue;
    Storage* stored = buffer + indices[i] * dim;
    double* sum = sums + labels[i] * dim;
    const bool first = visited[indices[i]] == 0;
    double length = 1;
    if (!first) {
      double squares = 0;
      for (int64_t d = 0; d < dim; ++d) {
        const double mixed = (1 - alpha) * static_cast<double>(stored[d]) + alpha * z[static_cast<size_t>(d)];
        squares += mixed * mixed;
      }
      length = std::sqrt(squares);
    }
    const bool mix = !first && length > norm_epsilon;
    for (int64_t d = 0; d < dim; ++d) {
      const double before = first ? 0.0 : static_cast<double>(stored[d]);
      const double unit = z[static_cast<size_t>(d)];
      const double value = mix ? ((1 - alpha) * before + alpha * unit) / length : unit;
      stored[d] = static_cast<Storage>(static_cast<float>(value));
      sum[d] += static_cast<double>(stored[d]) - before;
    }
    if (first) {
      visited[indices[i]] = 1;
      counts[labels[i]] += 1;
    }
  }
}

}  // namespace

void update_memory(const Tensor& buffer_ND, const Tensor& visited_N, const Tensor& sums_CD,
                   const Tensor& counts_C, const Tensor& embeddings_BD, const Tensor& indices_B,
                   const Tensor& labels_B, double alpha) {
  check_state(sums_CD, counts_C);
  check_batch(embeddings_BD, labels_B, sums_CD);
  require(alpha > 0 && alpha <= 1, "ERR_ARGUMENT", "alpha must lie in (0, 1] but is ", alpha, ".");
  require(buffer_ND.dim() == 2 && buffer_ND.size(1) == sums_CD.size(1) && buffer_ND.is_contiguous() &&
              visited_N.scalar_type() == at::kByte && visited_N.numel() == buffer_ND.size(0),
          "ERR_SHAPE", "Expected a memory buffer (images, dimension) and one visit flag for each image.");
  require(
      indices_B.dim() == 1 && indices_B.scalar_type() == at::kLong && indices_B.size(0) == labels_B.size(0),
      "ERR_SHAPE", "Expected an int64 sample index for each sample.");
  require(buffer_ND.is_cpu() && visited_N.is_cpu() && indices_B.is_cpu(), "ERR_DEVICE",
          "The memory buffer and sample indices are kept on the CPU.");
  const Tensor indices = indices_B.contiguous();
  for (int64_t i = 0; i < indices.size(0); ++i) {
    const int64_t index = indices.const_data_ptr<int64_t>()[i];
    require(index >= 0 && index < buffer_ND.size(0), "ERR_ARGUMENT", "Sample index ", index,
            " lies outside 0 to ", buffer_ND.size(0) - 1, ".");
  }
  const Tensor embeddings = embeddings_BD.detach().to(at::kCPU, at::kFloat).contiguous();
  const Tensor labels = labels_B.contiguous();
  if (buffer_ND.scalar_type() == at::kFloat) {
    update_memory_of<float>(buffer_ND, visited_N, sums_CD, counts_C, embeddings, indices, labels, alpha);
  } else {
    require(buffer_ND.scalar_type() == at::kBFloat16, "ERR_DTYPE",
            "The memory buffer is float32 or bfloat16.");
    update_memory_of<at::BFloat16>(buffer_ND, visited_N, sums_CD, counts_C, embeddings, indices, labels,
                                   alpha);
  }
}

void add_to_class_sums(const Tensor& sums_CD, const Tensor& counts_C, const Tensor& embeddings_BD,
                       const Tensor& labels_B) {
  check_state(sums_CD, counts_C);
  check_batch(embeddings_BD, labels_B, sums_CD);
  const int64_t dim = sums_CD.size(1);
  const Tensor embeddings = embeddings_BD.detach().to(at::kCPU, at::kFloat).contiguous();
  const Tensor labels = labels_B.contiguous();
  std::vector<double> z(static_cast<size_t>(dim));
  for (int64_t i = 0; i < embeddings.size(0); ++i) {
    if (!unit_vector(embeddings.const_data_ptr<float>() + i * dim, dim, z)) continue;
    const int64_t label = labels.const_data_ptr<int64_t>()[i];
    double* sum = sums_CD.data_ptr<double>() + label * dim;
    for (int64_t d = 0; d < dim; ++d) sum[d] += z[static_cast<size_t>(d)];
    counts_C.data_ptr<int64_t>()[label] += 1;
  }
}

std::tuple<Tensor, Tensor> class_concentration(const Tensor& sums_CD, const Tensor& counts_C, bool debias) {
  check_state(sums_CD, counts_C);
  const auto dim = static_cast<double>(sums_CD.size(1));
  const Tensor count = counts_C.to(at::kDouble);
  Tensor resultant = (sums_CD.norm(2, {1}) / count.clamp_min(1)).clamp_(0, 1);
  Tensor squared = resultant.square();
  if (debias) squared = ((count * squared - 1) / (count - 1).clamp_min(1)).clamp_(0, 1);
  Tensor kappa = squared.sqrt() * (dim - squared) / (1 - squared).clamp_min(resultant_floor);
  const Tensor known = kappa.masked_select(comparable(resultant, counts_C));
  const Tensor mean = known.numel() > 0 ? known.mean() : at::zeros({}, kappa.options());
  return {resultant, at::where(counts_C >= least_images, kappa, mean)};
}

std::tuple<Tensor, Tensor, Tensor> class_margin_scale(const Tensor& resultant_C, const Tensor& kappa_C,
                                                      const Tensor& counts_C,
                                                      const Tensor& samples_per_class_C, double temperature,
                                                      double gamma, bool paper) {
  require(
      kappa_C.dim() == 1 && kappa_C.sizes() == resultant_C.sizes() && kappa_C.sizes() == counts_C.sizes() &&
          kappa_C.sizes() == samples_per_class_C.sizes() && kappa_C.size(0) > 0,
      "ERR_SHAPE", "Expected one mean resultant length, kappa, count and number of images for each class.");
  const Tensor kappa = kappa_C.to(at::kDouble);
  const Tensor compared = comparable(resultant_C, counts_C);
  const Tensor known = kappa.masked_select(compared);
  Tensor standardized = at::zeros_like(kappa);
  if (known.numel() > 1) {
    const double deviation = known.std().item<double>();
    if (deviation > 0) standardized = at::where(compared, (kappa - known.mean()) / deviation, standardized);
  }
  // The end of the scale, whatever the deviation of the others is; if there are none, there is no scale.
  if (known.numel() > 0 && temperature > 0) {
    standardized.masked_fill_(saturated(resultant_C, counts_C), std::numeric_limits<double>::infinity());
  }
  const Tensor concentration_weight = 1 - (temperature * standardized).sigmoid();
  const Tensor samples = samples_per_class_C.to(at::kDouble);
  const double most = std::max(samples.max().item<double>(), 1.0) * (paper ? 1.0 : 1.05);
  const Tensor population_weight = ((samples * (std::numbers::pi / most)).cos() + 1) / 2;
  Tensor scale = paper ? gamma * population_weight + (1 - gamma) * concentration_weight
                       : gamma * concentration_weight + (1 - gamma) * population_weight;
  return {concentration_weight, population_weight, scale};
}

}  // namespace kappa
