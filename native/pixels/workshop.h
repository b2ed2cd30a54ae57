// What is done to whole images, in place; the memory that it takes is kept for the next one.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "pixels/kernels.h"

namespace kappa::pixels {

struct Size {
  size_t height;
  size_t width;
  size_t bytes() const { return 3 * height * width; }
};

/// How pixels are made of others, with the centres of pixels at halves: `area` averages what a pixel covers;
/// `bilinear` (2 x 2) and `bicubic` (4 x 4, a = -0.75) look at the nearest pixels only, as fast scalers do,
/// also when they shrink.
enum class Filter { nearest, bilinear, area, bicubic };

struct Rectangle {
  size_t left, top, width, height;
};

/// A pixel of a kernel: its place, counted from the corner of a square of `2 * radius + 1` pixels, and its
/// weight.
struct Place {
  uint32_t row;
  uint32_t column;
};

/// All images are 8-bit RGB; callers have checked that their memory has Size::bytes().
class Workshop {
 public:
  void brightness(uint8_t* image, Size size, double factor) const;
  /// Moves every value away from the mean luma of the image (factor above 1) or towards it (below 1).
  void contrast(uint8_t* image, Size size, double factor) const;
  void saturation(uint8_t* image, Size size, double factor) const;
  /// Keeps a rectangle that lies within the image where it is and makes the rest black.
  void crop(uint8_t* image, Size size, const Rectangle& kept) const;
  /// The target may be the source itself where the sizes are the same.
  void resize(const uint8_t* source, Size from, uint8_t* target, Size to, Filter filter);
  /// Makes an image small and large again.
  void low_resolution(uint8_t* image, Size size, Size small, Filter down, Filter up);
  /// Convolves rows and columns with an odd number of weights; edges are continued by the pixels at the edge.
  void blur(uint8_t* image, Size size, std::span<const double> weights);
  /// Convolves with a square kernel that is mostly empty: weights[k] at places[k].
  void convolve(uint8_t* image, Size size, size_t radius, std::span<const Place> places,
                std::span<const double> weights);

 private:
  Taps horizontal_;
  Taps vertical_;
  std::vector<double> line_;
  std::vector<float> sums_;
  std::vector<double> rows_;
  std::vector<uint8_t> small_;
  std::vector<uint8_t> padded_;
  std::vector<size_t> offsets_;
};

}  // namespace kappa::pixels
