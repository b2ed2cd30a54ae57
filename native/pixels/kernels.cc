#include "pixels/kernels.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#if defined(__GNUC__)
#define KAPPA_INLINE inline __attribute__((always_inline))
#else
#define KAPPA_INLINE inline
#endif
#define KAPPA_RESTRICT __restrict
// A version of each loop for the instruction sets that matter. What is called from a loop is always inlined,
// so that no code for a newer processor is shared with an older one's.
#if defined(__GNUC__) && defined(__x86_64__)
#define KAPPA_X86
#endif

namespace kappa::pixels {
namespace {

// Luma of ITU-R BT.601, as in JPEG.
constexpr double red_share = 0.299;
constexpr double green_share = 0.587;
constexpr double blue_share = 0.114;

/// Rounds to the nearest byte, ties to even; what is below 0 or above 255 becomes that.
KAPPA_INLINE uint8_t to_byte(double value) {
  constexpr double whole = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to a whole number
  const double bounded = std::min(std::max(value, 0.0), 255.0);
  return static_cast<uint8_t>(static_cast<int32_t>((bounded + whole) - whole));
}

/// As above in float32: exact wherever the value before was not next to a tie.
KAPPA_INLINE uint8_t to_byte(float value) {
  constexpr float whole = 12582912.0f;  // 1.5 * 2^23
  const float bounded = std::min(std::max(value, 0.0f), 255.0f);
  return static_cast<uint8_t>(static_cast<int32_t>((bounded + whole) - whole));
}

KAPPA_INLINE void stretch_fast(const uint8_t* values, size_t count, float factor, float offset,
                               uint8_t* out) {
  for (size_t i = 0; i < count; ++i) {
    out[i] = to_byte(factor * static_cast<float>(static_cast<int32_t>(values[i])) + offset);
  }
}

KAPPA_INLINE void stretch_of(uint8_t* values, size_t count, double mean, double factor) {
  uint8_t all[256];
  uint8_t exact[256];
  uint8_t fast[256];
  for (int32_t i = 0; i < 256; ++i) all[i] = static_cast<uint8_t>(i);
  for (int32_t i = 0; i < 256; ++i) exact[i] = to_byte(mean + factor * (static_cast<double>(i) - mean));
  const float slope = static_cast<float>(factor);
  const float offset = static_cast<float>(mean - factor * mean);
  stretch_fast(all, 256, slope, offset, fast);
  // One of the 256 lies so near a tie that float32 decides it otherwise: half a percent of all factors.
  if (std::memcmp(exact, fast, sizeof exact) != 0) {
    for (size_t i = 0; i < count; ++i) values[i] = exact[values[i]];
    return;
  }
  stretch_fast(values, count, slope, offset, values);
}

KAPPA_INLINE void sum_channels_of(const uint8_t* rgb, size_t pixels, uint64_t sums[3]) {
  constexpr size_t width = 48;  // whole pixels, and whole vectors
  uint64_t totals[3] = {0, 0, 0};
  const size_t values = 3 * pixels;
  size_t at = 0;
  while (at + width <= values) {
    uint16_t columns[width] = {};
    // So many bytes add up in 16 bits.
    const size_t end = std::min(values - values % width, at + 257 * width);
    for (; at < end; at += width) {
      for (size_t j = 0; j < width; ++j) columns[j] = static_cast<uint16_t>(columns[j] + rgb[at + j]);
    }
    for (size_t j = 0; j < width; ++j) totals[j % 3] += columns[j];
  }
  for (; at < values; ++at) totals[at % 3] += rgb[at];
  for (size_t c = 0; c < 3; ++c) sums[c] = totals[c];
}

KAPPA_INLINE void saturate_of(uint8_t* rgb, size_t pixels, double factor) {
  for (size_t p = 0; p < pixels; ++p) {
    const double red = static_cast<int32_t>(rgb[3 * p]);
    const double green = static_cast<int32_t>(rgb[3 * p + 1]);
    const double blue = static_cast<int32_t>(rgb[3 * p + 2]);
    const double luma = (1.0 - factor) * (red_share * red + green_share * green + blue_share * blue);
    rgb[3 * p] = to_byte(luma + factor * red);
    rgb[3 * p + 1] = to_byte(luma + factor * green);
    rgb[3 * p + 2] = to_byte(luma + factor * blue);
  }
}

template <class From>
KAPPA_INLINE double number(From value) {
  if constexpr (std::is_same_v<From, uint8_t>) {
    return static_cast<double>(static_cast<int32_t>(value));
  } else {
    return static_cast<double>(value);
  }
}

template <size_t fixed>
KAPPA_INLINE void filter_line(const double* line, const Taps& taps, size_t pixels, float* out) {
  const size_t count = fixed > 0 ? fixed : taps.count;
  const uint32_t* index = taps.index.data();
  const double* weight = taps.weight.data();
  for (size_t x = 0; x < pixels; ++x, index += count, weight += count, out += 3) {
    double sum[4] = {0, 0, 0, 0};
    for (size_t k = 0; k < count; ++k) {
      const double* from = line + 4 * static_cast<size_t>(index[k]);
      for (size_t c = 0; c < 4; ++c) sum[c] += weight[k] * from[c];
    }
    for (size_t c = 0; c < 4; ++c) out[c] = static_cast<float>(sum[c]);
  }
}

KAPPA_INLINE void filter_row_of(const uint8_t* row, size_t width, double* KAPPA_RESTRICT line,
                                const Taps& taps, size_t pixels, float* out) {
  // A row as numbers, four to a pixel: each becomes a number once, and a pixel fits a vector.
  for (size_t x = 0; x < width; ++x) {
    line[4 * x] = number(row[3 * x]);
    line[4 * x + 1] = number(row[3 * x + 1]);
    line[4 * x + 2] = number(row[3 * x + 2]);
    line[4 * x + 3] = 0.0;
  }
  if (taps.count == 2) {
    filter_line<2>(line, taps, pixels, out);
  } else if (taps.count == 4) {
    filter_line<4>(line, taps, pixels, out);
  } else {
    filter_line<0>(line, taps, pixels, out);
  }
}

/// How a sum is kept.
template <class Out>
KAPPA_INLINE Out stored(double sum) {
  if constexpr (std::is_same_v<Out, uint8_t>) {
    return to_byte(sum);
  } else {
    return static_cast<Out>(sum);
  }
}

/// Sums of a known number of taps, begun with `sums` where there are some. The taps' loop unrolls, and the
/// sums stay in registers.
template <size_t taps, bool continues, class From, class Out>
KAPPA_INLINE void add_taps(const From* from, const size_t* offsets, const double* weights, const double* sums,
                           size_t values, Out* KAPPA_RESTRICT out) {
  const From* source[taps];
  double weight[taps];
  for (size_t k = 0; k < taps; ++k) {
    source[k] = from + offsets[k];
    weight[k] = weights[k];
  }
  for (size_t i = 0; i < values; ++i) {
    double sum = continues ? sums[i] : 0.0;
    for (size_t k = 0; k < taps; ++k) sum += weight[k] * number(source[k][i]);
    out[i] = stored<Out>(sum);
  }
}

template <bool continues, class From, class Out>
KAPPA_INLINE void add_up_to_six(const From* from, const size_t* offsets, const double* weights, size_t taps,
                                const double* sums, size_t values, Out* out) {
  switch (taps) {
    case 1:
      return add_taps<1, continues>(from, offsets, weights, sums, values, out);
    case 2:
      return add_taps<2, continues>(from, offsets, weights, sums, values, out);
    case 3:
      return add_taps<3, continues>(from, offsets, weights, sums, values, out);
    case 4:
      return add_taps<4, continues>(from, offsets, weights, sums, values, out);
    case 5:
      return add_taps<5, continues>(from, offsets, weights, sums, values, out);
    default:
      return add_taps<6, continues>(from, offsets, weights, sums, values, out);
  }
}

template <class From, class Out>
KAPPA_INLINE void sum_taps(const From* from, const size_t* offsets, const double* weights, size_t taps,
                           size_t values, Out* out) {
  constexpr size_t most = 6;
  if (taps <= most) return add_up_to_six<false>(from, offsets, weights, taps, nullptr, values, out);
  // Some taps at a time, from one array of sums to another; both stay in the cache.
  constexpr size_t length = 8 * block;
  double sums[2][length];
  for (size_t i = 0; i < values; i += length) {
    const size_t count = std::min(values - i, length);
    size_t now = 0;
    add_taps<most, false>(from + i, offsets, weights, nullptr, count, sums[now]);
    size_t k = most;
    for (; k + most < taps; k += most, now = 1 - now) {
      add_taps<most, true>(from + i, offsets + k, weights + k, sums[now], count, sums[1 - now]);
    }
    add_up_to_six<true>(from + i, offsets + k, weights + k, taps - k, sums[now], count, out + i);
  }
}

KAPPA_INLINE void widen_of(const float* values, size_t count, double* KAPPA_RESTRICT out) {
  for (size_t i = 0; i < count; ++i) out[i] = values[i];
}

KAPPA_INLINE void normalize_of(const uint8_t* values, size_t count, float* out) {
  // Dividing by 0.5 is multiplying by 2, to the bit.
  for (size_t i = 0; i < count; ++i) {
    out[i] = (static_cast<float>(static_cast<int32_t>(values[i])) / 255.0f - 0.5f) * 2.0f;
  }
}

KAPPA_INLINE void mirror_of(const uint8_t* row, size_t pixels, uint8_t* out) {
  size_t x = 0;
#ifdef __GNUC__
  // Five pixels at a time, and a byte more that the next ones, or the last, write again.
  using Bytes = uint8_t __attribute__((vector_size(16)));
  for (; x + 6 <= pixels; x += 5) {
    Bytes five;
    std::memcpy(&five, row + 3 * (pixels - x) - 16, sizeof five);
#ifdef __clang__
    five = __builtin_shufflevector(five, five, 13, 14, 15, 10, 11, 12, 7, 8, 9, 4, 5, 6, 1, 2, 3, 0);
#else
    five = __builtin_shuffle(five, Bytes{13, 14, 15, 10, 11, 12, 7, 8, 9, 4, 5, 6, 1, 2, 3, 0});
#endif
    std::memcpy(out + 3 * x, &five, sizeof five);
  }
#endif
  for (; x < pixels; ++x) std::memcpy(out + 3 * x, row + 3 * (pixels - 1 - x), 3);
}

// The same bodies, compiled for one instruction set after the other.
#define KAPPA_KERNELS(set, attributes)                                                                  \
  attributes void stretch_##set(uint8_t* values, size_t count, double mean, double factor) {            \
    stretch_of(values, count, mean, factor);                                                            \
  }                                                                                                     \
  attributes void sum_channels_##set(const uint8_t* rgb, size_t pixels, uint64_t sums[3]) {             \
    sum_channels_of(rgb, pixels, sums);                                                                 \
  }                                                                                                     \
  attributes void saturate_##set(uint8_t* rgb, size_t pixels, double factor) {                          \
    saturate_of(rgb, pixels, factor);                                                                   \
  }                                                                                                     \
  attributes void filter_row_##set(const uint8_t* row, size_t width, double* line, const Taps& taps,    \
                                   size_t pixels, float* out) {                                         \
    filter_row_of(row, width, line, taps, pixels, out);                                                 \
  }                                                                                                     \
  attributes void blur_row_##set(const double* from, const size_t* offsets, const double* weights,      \
                                 size_t taps, size_t values, float* out) {                              \
    sum_taps(from, offsets, weights, taps, values, out);                                                \
  }                                                                                                     \
  attributes void widen_##set(const float* values, size_t count, double* out) {                         \
    widen_of(values, count, out);                                                                       \
  }                                                                                                     \
  attributes void filter_column_##set(const double* from, const size_t* offsets, const double* weights, \
                                      size_t taps, size_t values, uint8_t* out) {                       \
    sum_taps(from, offsets, weights, taps, values, out);                                                \
  }                                                                                                     \
  attributes void gather_##set(const uint8_t* from, const size_t* offsets, const double* weights,       \
                               size_t taps, size_t values, uint8_t* out) {                              \
    sum_taps(from, offsets, weights, taps, values, out);                                                \
  }                                                                                                     \
  attributes void normalize_##set(const uint8_t* values, size_t count, float* out) {                    \
    normalize_of(values, count, out);                                                                   \
  }                                                                                                     \
  attributes void mirror_##set(const uint8_t* row, size_t pixels, uint8_t* out) {                       \
    mirror_of(row, pixels, out);                                                                        \
  }                                                                                                     \
  constexpr Kernels kernels_##set =                                                                     \
      {#set,           stretch_##set, sum_channels_##set,  saturate_##set, filter_row_##set,            \
       blur_row_##set, widen_##set,   filter_column_##set, gather_##set,   normalize_##set,             \
       mirror_##set};

KAPPA_KERNELS(portable, )
#ifdef KAPPA_X86
KAPPA_KERNELS(avx2, __attribute__((target("avx2"))))
KAPPA_KERNELS(avx512, __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))))
#endif
#undef KAPPA_KERNELS

/// The versions that this processor can run, the fastest last.
std::vector<const Kernels*> usable() {
  std::vector<const Kernels*> found = {&kernels_portable};
#ifdef KAPPA_X86
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2")) {
    found.push_back(&kernels_avx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
      found.push_back(&kernels_avx512);
    }
  }
#endif
  return found;
}

const Kernels* first_choice() {
  const std::vector<const Kernels*> found = usable();
  // The levels of runtime/cpu_features.h, as far as they matter here.
  const char* level = std::getenv("KAPPA_CPU_ISA");
  const std::string_view named = level == nullptr ? "" : level;
  const std::string_view wanted = named == "baseline"      ? "portable"
                                  : named == "avx512_bf16" ? "avx512"
                                                           : named;
  for (const Kernels* set : found) {
    if (set->name == wanted) return set;
  }
  return found.back();
}

std::atomic<const Kernels*>& choice() {
  static std::atomic<const Kernels*> chosen = first_choice();
  return chosen;
}

}  // namespace

std::vector<std::string_view> instruction_sets() {
  std::vector<std::string_view> names;
  for (const Kernels* set : usable()) names.emplace_back(set->name);
  return names;
}

const Kernels& kernels() { return *choice().load(std::memory_order_relaxed); }

bool use_instruction_set(std::string_view name) {
  for (const Kernels* set : usable()) {
    if (name != set->name) continue;
    choice().store(set, std::memory_order_relaxed);
    return true;
  }
  return false;
}

}  // namespace kappa::pixels
