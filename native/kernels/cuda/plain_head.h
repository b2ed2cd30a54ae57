// Problems for the checks of the kernels, and the head by plain loops in double that they are held against.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "head/margin.h"

namespace kappa::cuda {

/// A problem of one shard; float data, as the kernels get it.
struct HeadProblem {
  int64_t batch = 0;
  int64_t classes = 0;
  int64_t dim = 0;
  int64_t block = 0;  // classes in a block
  float scale = 64;
  float filter_threshold = 1;
  MarginFunction function;
  std::vector<float> embeddings, centres, margins;
  std::vector<int64_t> labels;
};

enum class Content { random, all_equal, aligned, opposite, zero_embeddings, zero_centres };

inline HeadProblem make_problem(int64_t batch, int64_t classes, int64_t dim, Content content,
                                unsigned seed = 1) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  HeadProblem p;
  p.batch = batch;
  p.classes = classes;
  p.dim = dim;
  p.block = std::max<int64_t>(1, classes / 3 + 1);
  for (int64_t i = 0; i < batch * dim; ++i) p.embeddings.push_back(2 * normal(generator));
  for (int64_t i = 0; i < classes * dim; ++i) p.centres.push_back(0.01f * normal(generator));
  for (int64_t i = 0; i < classes; ++i) p.margins.push_back(0.2f + 0.6f * static_cast<float>(i % 7) / 6);
  for (int64_t i = 0; i < batch; ++i)
    p.labels.push_back(static_cast<int64_t>(generator() % static_cast<unsigned>(classes)));
  for (int64_t i = 0; i < batch; ++i) {
    const float pull = content == Content::aligned
                           ? 1e4f
                           : (content == Content::opposite ? -1e4f : (i % 3 == 0 ? 300.0f : 0.0f));
    for (int64_t d = 0; d < dim; ++d) p.embeddings[i * dim + d] += pull * p.centres[p.labels[i] * dim + d];
  }
  if (content == Content::all_equal) {
    for (int64_t i = 0; i < classes * dim; ++i) p.centres[i] = p.embeddings[i % dim];
  }
  if (content == Content::zero_embeddings) std::fill(p.embeddings.begin(), p.embeddings.end(), 0.0f);
  if (content == Content::zero_centres) std::fill(p.centres.begin(), p.centres.end(), 0.0f);
  return p;
}

struct HeadResult {
  double loss = 0;
  std::vector<double> target_cosines, embedding_gradients, centre_gradients;
  /// Whether a step left other units than those of the moved centres.
  bool moved_units_differ = false;
};

/// Unit rows and lengths in double.
struct DoubleRows {
  std::vector<double> units, inverse;
  DoubleRows(const std::vector<float>& rows, int64_t count, int64_t dim) : units(rows.begin(), rows.end()) {
    for (int64_t r = 0; r < count; ++r) {
      double square = 0;
      for (int64_t d = 0; d < dim; ++d) square += units[r * dim + d] * units[r * dim + d];
      inverse.push_back(square > 1e-24 ? 1 / std::sqrt(square) : 0);
      for (int64_t d = 0; d < dim; ++d) units[r * dim + d] *= inverse[r];
    }
  }
};

/// The whole head by plain loops in double.
inline HeadResult plain_head(const HeadProblem& p) {
  const DoubleRows z(p.embeddings, p.batch, p.dim);
  const DoubleRows w(p.centres, p.classes, p.dim);
  HeadResult result;
  result.embedding_gradients.assign(p.embeddings.size(), 0);
  result.centre_gradients.assign(p.centres.size(), 0);
  std::vector<double> logits(static_cast<size_t>(p.classes)), slopes(static_cast<size_t>(p.classes));
  for (int64_t i = 0; i < p.batch; ++i) {
    double largest = -1e300;
    for (int64_t c = 0; c < p.classes; ++c) {
      double cosine = 0;
      for (int64_t d = 0; d < p.dim; ++d) cosine += z.units[i * p.dim + d] * w.units[c * p.dim + d];
      slopes[c] = 1;
      double value = cosine;
      if (c == p.labels[i]) {
        const auto logit =
            target_logit<double>(clamp_cosine(cosine), p.margins[c], p.function, MarginEpsilon<float>::value);
        value = logit.value;
        slopes[c] = logit.derivative;
        result.target_cosines.push_back(clamp_cosine(cosine));
      } else if (is_filtered(cosine, static_cast<double>(p.filter_threshold))) {
        value = 0;
        slopes[c] = 0;
      }
      logits[c] = p.scale * value;
      largest = std::max(largest, logits[c]);
    }
    double sum = 0;
    for (double logit : logits) sum += std::exp(logit - largest);
    result.loss += (std::log(sum) + largest - logits[p.labels[i]]) / static_cast<double>(p.batch);
    double others = 0;
    for (int64_t c = 0; c < p.classes; ++c)
      others += c == p.labels[i] ? 0 : std::exp(logits[c] - largest) / sum;
    for (int64_t c = 0; c < p.classes; ++c) {
      const double p_minus = c == p.labels[i] ? -others : std::exp(logits[c] - largest) / sum;
      const double g = p.scale / static_cast<double>(p.batch) * p_minus * slopes[c];
      double along = 0;
      for (int64_t d = 0; d < p.dim; ++d) along += z.units[i * p.dim + d] * w.units[c * p.dim + d];
      for (int64_t d = 0; d < p.dim; ++d) {
        result.embedding_gradients[i * p.dim + d] +=
            g * (w.units[c * p.dim + d] - along * z.units[i * p.dim + d]) * z.inverse[i];
        result.centre_gradients[c * p.dim + d] +=
            g * (z.units[i * p.dim + d] - along * w.units[c * p.dim + d]) * w.inverse[c];
      }
    }
  }
  return result;
}

}  // namespace kappa::cuda
