// What the sources, and the headers of LibTorch, need of a compiler and its library. CMakeLists.txt and
// `kappa doctor` compile it, to say so before anything else is tried.
#include <bit>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <numbers>
#include <span>
#include <tuple>
#include <type_traits>
#include <version>

#if !(defined(_MSVC_LANG) && _MSVC_LANG >= 202002L) && __cplusplus < 202002L
#error "C++20 is needed."
#endif

namespace {

struct Options {
  double factor = std::numbers::pi;
  int count = 0;
};

template <class T>
  requires std::floating_point<T>
constexpr uint32_t bits_of(T value) {
  return std::bit_cast<uint32_t>(value);
}

template <class... Parts>
constexpr auto sum(const Parts&... parts) {
  return (parts + ...);
}

constexpr Options given{.count = 2};
static_assert(bits_of(1.0f) == 0x3f800000u && sum(given.count, 1) == 3);

}  // namespace

int main() {
  const std::tuple<int, int> pair{1, 2};
  const auto [first, second] = pair;
  const int numbers[] = {first, second};
  const auto add = [&]<class T>(std::span<const T> values) {
    T total{};
    for (const T value : values) total += value;
    return total;
  };
  return add(std::span<const int>(numbers)) == 3 && std::filesystem::path("a").has_filename() ? 0 : 1;
}
