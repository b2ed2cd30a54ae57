// A test harness of one page: TEST("claim") { EXPECT(condition); }.
#pragma once
#include <functional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace kappa::test {

struct Case {
  std::string claim;
  std::function<void()> body;
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

struct Add {
  Add(const char* claim, std::function<void()> body) { cases().push_back({claim, std::move(body)}); }
};

[[noreturn]] inline void fail(const char* file, int line, const std::string& what) {
  std::ostringstream out;
  out << file << ":" << line << ": " << what;
  throw std::runtime_error(out.str());
}

}  // namespace kappa::test

#define KAPPA_JOIN2(a, b) a##b
#define KAPPA_JOIN(a, b) KAPPA_JOIN2(a, b)
#define TEST(claim)                                                                                       \
  static void KAPPA_JOIN(test_body_, __LINE__)();                                                         \
  static const kappa::test::Add KAPPA_JOIN(test_add_, __LINE__)(claim, KAPPA_JOIN(test_body_, __LINE__)); \
  static void KAPPA_JOIN(test_body_, __LINE__)()
#define EXPECT(condition)                                                \
  do {                                                                   \
    if (!(condition)) kappa::test::fail(__FILE__, __LINE__, #condition); \
  } while (false)
#define EXPECT_ERROR(expression, expected_code)                                              \
  do {                                                                                       \
    bool thrown = false;                                                                     \
    try {                                                                                    \
      expression;                                                                            \
    } catch (const kappa::Error& error) {                                                    \
      thrown = std::string(error.code()) == expected_code;                                   \
    }                                                                                        \
    if (!thrown) kappa::test::fail(__FILE__, __LINE__, #expression " gives " expected_code); \
  } while (false)
