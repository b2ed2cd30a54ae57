#include "head/margin.h"

#include <cmath>
#include <numbers>

#include "test/test.h"

namespace {

using kappa::BeyondPi;
using kappa::MarginKind;
using kappa::target_logit;

TEST("the angular target is cos(theta + m), whatever the angle") {
  for (double theta = 0.01; theta < 3.1; theta += 0.01) {
    for (double m : {0.0, 0.3, 0.8, 2.0}) {
      const auto logit = target_logit<double>(std::cos(theta), m, {MarginKind::angular, BeyondPi::none});
      EXPECT(std::fabs(logit.value - std::cos(theta + m)) < 1e-9);
      const double slope = std::sin(theta + m) / std::sin(theta);
      EXPECT(std::fabs(logit.derivative - slope) < 1e-7 * std::fmax(1, std::fabs(slope)));
    }
  }
}

TEST("beyond pi the extended target goes on falling") {
  const double m = 0.8;
  double before = 2;
  for (double theta = 0; theta <= std::numbers::pi; theta += 0.001) {
    const auto logit = target_logit<double>(std::cos(theta), m, {MarginKind::angular, BeyondPi::extend});
    EXPECT(logit.value < before + 1e-6);
    EXPECT(logit.derivative > -1e-6);
    before = logit.value;
  }
}

TEST("value and derivative are finite at the ends, in both precisions") {
  for (float c : {-1.0f, 1.0f, 0.99999994f, -0.99999994f}) {
    for (BeyondPi beyond : {BeyondPi::none, BeyondPi::extend}) {
      const auto single = target_logit<float>(c, 0.8f, {MarginKind::angular, beyond});
      const auto twice = target_logit<double>(c, 0.8, {MarginKind::angular, beyond});
      EXPECT(std::isfinite(single.value) && std::isfinite(single.derivative));
      EXPECT(std::isfinite(twice.value) && std::isfinite(twice.derivative));
    }
  }
}

TEST("the cosine target is c - m") {
  const auto logit = target_logit<double>(0.25, 0.35, {MarginKind::cosine, BeyondPi::extend});
  EXPECT(std::fabs(logit.value + 0.1) < 1e-15);
  EXPECT(logit.derivative == 1);
}

}  // namespace
