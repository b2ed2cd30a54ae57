// Loops over the pixels of 8-bit RGB images, rows from the top. No LibTorch: decode workers load them in
// milliseconds. Every version of a loop gives the same bytes: sums are in float64, in the order of the taps,
// without fused products.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace kappa::pixels {

/// For each pixel of a row (or column) that is made: which pixels it is made of, and their weights.
struct Taps {
  size_t count = 0;  // of each pixel
  std::vector<uint32_t> index;
  std::vector<double> weight;
};

/// Values of a loop that is worth a vector of any kind.
inline constexpr size_t block = 32;

/// The loops of one instruction set.
struct Kernels {
  const char* name;
  /// Each value becomes mean + factor * (value - mean), rounded and saturated.
  void (*stretch)(uint8_t* values, size_t count, double mean, double factor);
  /// Adds up the channels.
  void (*sum_channels)(const uint8_t* rgb, size_t pixels, uint64_t sums[3]);
  /// Moves each value away from the luma of its pixel (factor above 1) or towards it (below 1).
  void (*saturate)(uint8_t* rgb, size_t pixels, double factor);
  /// The sums along a row of `width` pixels, of which `pixels` are made. `line` has room for four numbers a
  /// pixel of the row; one value behind the last is written, too.
  void (*filter_row)(const uint8_t* row, size_t width, double* line, const Taps& taps, size_t pixels,
                     float* out);
  /// out[i] is the sum of weights[k] * from[offsets[k] + i], in float32.
  void (*blur_row)(const double* from, const size_t* offsets, const double* weights, size_t taps,
                   size_t values, float* out);
  /// The sums of a row as what they are added up as. A loop of its own: GCC 12 drops a conversion to float32
  /// and back from vectors, though it rounds.
  void (*widen)(const float* values, size_t count, double* out);
  /// out[i] is the sum of weights[k] * from[offsets[k] + i], rounded and saturated.
  void (*filter_column)(const double* from, const size_t* offsets, const double* weights, size_t taps,
                        size_t values, uint8_t* out);
  void (*gather)(const uint8_t* from, const size_t* offsets, const double* weights, size_t taps,
                 size_t values, uint8_t* out);
  /// (value / 255 - 0.5) / 0.5, in float32.
  void (*normalize)(const uint8_t* values, size_t count, float* out);
  /// The pixels of a row from right to left, somewhere else.
  void (*mirror)(const uint8_t* row, size_t pixels, uint8_t* out);
};

/// The names of the instruction sets that this processor has, the fastest last; "portable" is always there.
std::vector<std::string_view> instruction_sets();

/// The loops in use: of the fastest instruction set, or of the one that was chosen; KAPPA_CPU_ISA names
/// the fastest that may be used.
const Kernels& kernels();

/// Chooses an instruction set by its name, for the whole process. Returns whether this processor has it.
bool use_instruction_set(std::string_view name);

}  // namespace kappa::pixels
