// The largest of billions of scores, and whose they are.
#pragma once
#include <cstdint>
#include <limits>
#include <vector>

namespace kappa {

struct ScoreOf {
  float score;
  int32_t query;
};

/// Keeps the largest scores of any number of them, and no more memory than twice as many. Of equal scores
/// those of the first queries are kept: the result does not depend on the order in which they come.
class HighestScores {
 public:
  explicit HighestScores(int64_t count) : count_(count) {}

  /// A score below is none of the largest.
  float floor() const { return floor_; }
  void add(ScoreOf score);
  /// The largest first.
  const std::vector<ScoreOf>& sorted();

 private:
  void cut();

  int64_t count_;
  float floor_ = -std::numeric_limits<float>::infinity();
  std::vector<ScoreOf> scores_;
};

}  // namespace kappa
