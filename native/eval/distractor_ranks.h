// Identification among distractors: how many strangers are nearer to a picture than another picture of its
// person, and which similarities of strangers are the largest, of billions that are never kept.
//
// Q probes, P pairs of a probe and a mate, S sets of distractors that may overlap, D dimensions.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "eval/highest_scores.h"
#include "eval/score_tiles.h"

namespace kappa {

struct DistractorOptions {
  /// Of each set, how many of its largest scores are kept.
  std::vector<int64_t> kept_S;
  /// Multiplies in bfloat16; the results are the same.
  bool bfloat16 = false;
};

/// The scores that distractors are held against.
struct MateScores {
  at::Tensor probes_P;  // integers, the probe of each pair
  at::Tensor scores_P;  // float32, as pair_scores() gives them for unit_rows()
};

/// Some distractors.
struct DistractorRows {
  at::Tensor features_ND;  // float32, of any length
  at::Tensor sets_N;       // uint8: bit s for being in set s
  at::Tensor sampled_N;    // uint8: the same where all its scores are counted in the histogram of set s
};

struct HighestOfSet {
  at::Tensor scores;  // float32, the largest first
  at::Tensor probes;  // int32
};

struct DistractorResult {
  at::Tensor above_SP;  // int32, distractors of the set with a larger score than the pair
  std::vector<HighestOfSet> highest_S;
  at::Tensor histogram_SB;  // int64, scores of sampled distractors: bin b begins at -1 + b / 4096
};

class DistractorRanks {
 public:
  static constexpr int64_t most_sets = 8;
  static constexpr int64_t bins = 8192;

  /// @param probes_QD as unit_rows() gives them
  /// @throws Error ERR_ARGUMENT, ERR_SHAPE, ERR_DTYPE, ERR_DEVICE, ERR_LABEL_RANGE, ERR_NOT_FINITE
  DistractorRanks(const DistractorOptions& options, const at::Tensor& probes_QD, const MateScores& mates);

  /// @throws Error ERR_SHAPE, ERR_DTYPE, ERR_DEVICE, ERR_ARGUMENT, and ERR_NOT_FINITE naming the distractor,
  ///   after which nothing of these distractors has been counted that comes after the block of the bad one
  void add(const DistractorRows& distractors);

  DistractorResult result();

 private:
  class Visitor;
  struct Block;

  void count_block(const Block& block);
  void count_sampled(const Block& block);

  DistractorOptions options_;
  ScoreTiles tiles_;
  int64_t sets_;
  int64_t added_ = 0;
  at::Tensor pair_probes_P_;
  at::Tensor pair_scores_P_;
  std::vector<int64_t> starts_;   // (Q + 1) where the scores of a probe's pairs begin, ascending
  std::vector<float> edges_;      // (P)
  std::vector<uint32_t> counts_;  // (P + Q, S) distractors above so many edges of a probe
  std::vector<HighestScores> highest_;
  std::vector<int64_t> histogram_;  // (S, bins)
  std::vector<float> rows_;         // a block of distractors at length 1
};

}  // namespace kappa
