#include "pixels/workshop.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace kappa::pixels {
namespace {

/// Room for at least so many elements; memory only grows.
template <class T>
T* room(std::vector<T>& memory, size_t count) {
  if (memory.size() < count) memory.resize(count);
  return memory.data();
}

double tent(double distance) { return std::max(0.0, 1.0 - distance); }

double cubic(double x) {
  constexpr double a = -0.75;
  if (x <= 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  return x < 2.0 ? ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a : 0.0;
}

size_t taps_of(Filter filter, size_t from, double scale) {
  switch (filter) {
    case Filter::nearest:
      return 1;
    case Filter::bilinear:
      return 2;
    case Filter::bicubic:
      return 4;
    case Filter::area:
      break;
  }
  // Enlarged, a pixel covers less than one: the average of what it covers is that of at most two pixels.
  return std::min(from, static_cast<size_t>(std::ceil(scale)) + 1);
}

void fill_taps(Taps& taps, size_t from, size_t to, Filter filter) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double last = static_cast<double>(from - 1);
  taps.count = taps_of(filter, from, scale);
  uint32_t* index = room(taps.index, to * taps.count);
  double* weight = room(taps.weight, to * taps.count);
  for (size_t i = 0; i < to; ++i) {
    const double begin = static_cast<double>(i) * scale;
    const double end = static_cast<double>(i + 1) * scale;
    const double centre = (static_cast<double>(i) + 0.5) * scale;
    const double first = filter == Filter::nearest ? std::floor(centre)
                         : filter == Filter::area
                             ? std::floor(begin)
                             : std::floor(centre - 0.5) - (filter == Filter::bicubic ? 1 : 0);
    for (size_t k = 0; k < taps.count; ++k, ++index, ++weight) {
      const double at = first + static_cast<double>(k);
      *index = static_cast<uint32_t>(std::min(last, std::max(0.0, at)));
      const double distance = std::abs(at + 0.5 - centre);
      *weight = filter == Filter::nearest ? 1.0
                : filter == Filter::area
                    ? std::max(0.0, std::min(at + 1.0, end) - std::max(at, begin)) / scale
                : filter == Filter::bicubic ? cubic(distance)
                                            : tent(distance);
    }
  }
}

/// Continues a row on both sides by the pixels at its ends.
template <class T>
void pad_row(const uint8_t* row, size_t width, size_t radius, T* out) {
  const size_t values = 3 * width;
  for (size_t i = 0; i < 3 * radius; ++i) out[i] = row[i % 3];
  out += 3 * radius;
  for (size_t i = 0; i < values; ++i) out[i] = row[i];
  for (size_t i = 0; i < 3 * radius; ++i) out[values + i] = row[values - 3 + i % 3];
}

/// Each pixel is a copy of one of the source.
void pick(const uint8_t* source, Size from, uint8_t* target, Size to, const Taps& vertical,
          const Taps& horizontal) {
  const size_t values = 3 * to.width;
  for (size_t y = 0; y < to.height; ++y, target += values) {
    if (y > 0 && vertical.index[y] == vertical.index[y - 1]) {
      std::memcpy(target, target - values, values);
      continue;
    }
    const uint8_t* row = source + 3 * from.width * vertical.index[y];
    for (size_t x = 0; x < to.width; ++x) std::memcpy(target + 3 * x, row + 3 * horizontal.index[x], 3);
  }
}

}  // namespace

void Workshop::brightness(uint8_t* image, Size size, double factor) const {
  kernels().stretch(image, size.bytes(), 0.0, factor);
}

void Workshop::contrast(uint8_t* image, Size size, double factor) const {
  uint64_t sums[3];
  kernels().sum_channels(image, size.height * size.width, sums);
  const double luma = 0.299 * static_cast<double>(sums[0]) + 0.587 * static_cast<double>(sums[1]) +
                      0.114 * static_cast<double>(sums[2]);
  const double mean = (3.0 * luma) / static_cast<double>(size.bytes());
  kernels().stretch(image, size.bytes(), mean, factor);
}

void Workshop::saturation(uint8_t* image, Size size, double factor) const {
  kernels().saturate(image, size.height * size.width, factor);
}

void Workshop::crop(uint8_t* image, Size size, const Rectangle& kept) const {
  const size_t row = 3 * size.width;
  const size_t left = 3 * kept.left;
  const size_t right = left + 3 * kept.width;
  std::memset(image, 0, kept.top * row);
  for (size_t y = kept.top; y < kept.top + kept.height; ++y) {
    std::memset(image + y * row, 0, left);
    std::memset(image + y * row + right, 0, row - right);
  }
  const size_t below = kept.top + kept.height;
  std::memset(image + below * row, 0, (size.height - below) * row);
}

void Workshop::resize(const uint8_t* source, Size from, uint8_t* target, Size to, Filter filter) {
  // Of the same size every filter is the identity.
  if (from.height == to.height && from.width == to.width) {
    if (source != target) std::memcpy(target, source, from.bytes());
    return;
  }
  fill_taps(vertical_, from.height, to.height, filter);
  fill_taps(horizontal_, from.width, to.width, filter);
  if (filter == Filter::nearest) {
    pick(source, from, target, to, vertical_, horizontal_);
    return;
  }
  const Kernels& loops = kernels();
  const size_t values = 3 * to.width;
  double* rows = room(rows_, values * from.height);
  float* sums = room(sums_, values + 1);
  double* line = room(line_, 4 * from.width);
  for (size_t y = 0; y < from.height; ++y) {
    loops.filter_row(source + 3 * y * from.width, from.width, line, horizontal_, to.width, sums);
    loops.widen(sums, values, rows + y * values);
  }
  const size_t count = vertical_.count;
  size_t* offsets = room(offsets_, count * to.height);
  for (size_t i = 0; i < count * to.height; ++i) offsets[i] = vertical_.index[i] * values;
  for (size_t y = 0; y < to.height; ++y) {
    loops.filter_column(rows, offsets + y * count, vertical_.weight.data() + y * count, count, values,
                        target + y * values);
  }
}

void Workshop::low_resolution(uint8_t* image, Size size, Size small, Filter down, Filter up) {
  uint8_t* reduced = room(small_, small.bytes());
  resize(image, size, reduced, small, down);
  resize(reduced, small, image, size, up);
}

void Workshop::blur(uint8_t* image, Size size, std::span<const double> weights) {
  const Kernels& loops = kernels();
  const size_t taps = weights.size();
  const size_t radius = taps / 2;
  const size_t values = 3 * size.width;
  double* rows = room(rows_, values * size.height);
  float* sums = room(sums_, values);
  double* line = room(line_, 3 * (size.width + 2 * radius));
  size_t* offsets = room(offsets_, taps);
  for (size_t k = 0; k < taps; ++k) offsets[k] = 3 * k;
  for (size_t y = 0; y < size.height; ++y) {
    pad_row(image + y * values, size.width, radius, line);
    loops.blur_row(line, offsets, weights.data(), taps, values, sums);
    loops.widen(sums, values, rows + y * values);
  }
  for (size_t y = 0; y < size.height; ++y) {
    for (size_t k = 0; k < taps; ++k) {
      offsets[k] = values * std::min(size.height - 1, y + k - std::min(y + k, radius));
    }
    loops.filter_column(rows, offsets, weights.data(), taps, values, image + y * values);
  }
}

void Workshop::convolve(uint8_t* image, Size size, size_t radius, std::span<const Place> places,
                        std::span<const double> weights) {
  const size_t values = 3 * size.width;
  const size_t stride = 3 * (size.width + 2 * radius);
  uint8_t* padded = room(padded_, stride * (size.height + 2 * radius));
  for (size_t y = 0; y < size.height + 2 * radius; ++y) {
    const size_t from = std::min(size.height - 1, y - std::min(y, radius));
    pad_row(image + from * values, size.width, radius, padded + y * stride);
  }
  size_t* offsets = room(offsets_, places.size());
  for (size_t k = 0; k < places.size(); ++k) offsets[k] = places[k].row * stride + 3 * places[k].column;
  for (size_t y = 0; y < size.height; ++y) {
    kernels().gather(padded + y * stride, offsets, weights.data(), places.size(), values, image + y * values);
  }
}

}  // namespace kappa::pixels
