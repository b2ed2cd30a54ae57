#include <cstdio>
#include <exception>

#include "runtime/cpu_features.h"
#include "test/test.h"

int main() {
  kappa::restrict_cpu_features();
  int passed = 0;
  int failed = 0;
  for (const auto& test : kappa::test::cases()) {
    try {
      test.body();
      passed += 1;
      std::printf("ok      %s\n", test.claim.c_str());
    } catch (const std::exception& error) {
      failed += 1;
      std::printf("FAILED  %s\n        %s\n", test.claim.c_str(), error.what());
    }
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}
