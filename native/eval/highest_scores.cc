#include "eval/highest_scores.h"

#include <algorithm>

namespace kappa {
namespace {

/// Scores that are taken in before the largest are picked out, at least: so that this is seldom.
constexpr int64_t least_room = 4096;

bool is_higher(const ScoreOf& a, const ScoreOf& b) {
  return a.score != b.score ? a.score > b.score : a.query < b.query;
}

}  // namespace

void HighestScores::add(ScoreOf score) {
  if (count_ == 0 || score.score < floor_) return;
  scores_.push_back(score);
  if (static_cast<int64_t>(scores_.size()) >= 2 * count_ + least_room) cut();
}

void HighestScores::cut() {
  if (count_ == 0 || static_cast<int64_t>(scores_.size()) < count_) return;
  std::nth_element(scores_.begin(), scores_.begin() + (count_ - 1), scores_.end(), is_higher);
  scores_.resize(static_cast<size_t>(count_));
  floor_ = scores_.back().score;
}

const std::vector<ScoreOf>& HighestScores::sorted() {
  cut();
  std::sort(scores_.begin(), scores_.end(), is_higher);
  return scores_;
}

}  // namespace kappa
