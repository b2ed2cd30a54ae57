#include "pixels/kernels.h"

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "pixels/workshop.h"
#include "test/test.h"

namespace {

using kappa::pixels::Filter;
using kappa::pixels::instruction_sets;
using kappa::pixels::kernels;
using kappa::pixels::Place;
using kappa::pixels::Size;
using kappa::pixels::use_instruction_set;
using kappa::pixels::Workshop;

std::vector<uint8_t> noise(size_t count, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::vector<uint8_t> values(count);
  for (uint8_t& value : values) value = static_cast<uint8_t>(random());
  return values;
}

/// Everything that a workshop does to an image of a size, one after the other.
std::vector<uint8_t> worked_over(Size size) {
  std::vector<uint8_t> image = noise(size.bytes());
  std::vector<uint8_t> all;
  Workshop workshop;
  const auto keep = [&] { all.insert(all.end(), image.begin(), image.end()); };
  for (const double factor : {0.0, 0.37, 0.5, 1.0, 1.3, 1.9}) {
    image = noise(size.bytes());
    workshop.brightness(image.data(), size, factor);
    keep();
    workshop.contrast(image.data(), size, factor);
    keep();
    workshop.saturation(image.data(), size, factor);
    keep();
  }
  for (const Filter filter : {Filter::nearest, Filter::bilinear, Filter::area, Filter::bicubic}) {
    for (size_t side = 1; side <= 9; side += 2) {
      image = noise(size.bytes());
      const Size small = {std::min(side, size.height), std::min(side + 1, size.width)};
      workshop.low_resolution(image.data(), size, small, filter, filter);
      keep();
    }
  }
  for (size_t taps = 1; taps <= 49; taps += 6) {
    image = noise(size.bytes());
    workshop.blur(image.data(), size, std::vector<double>(taps, 1.0 / static_cast<double>(taps)));
    keep();
  }
  for (uint32_t radius = 0; radius <= 5; ++radius) {
    image = noise(size.bytes());
    std::vector<Place> places;
    for (uint32_t i = 0; i <= 2 * radius; ++i) places.push_back({i, 2 * radius - i});
    const std::vector<double> weights(places.size(), 1.0 / static_cast<double>(places.size()));
    workshop.convolve(image.data(), size, radius, places, weights);
    keep();
  }
  return all;
}

TEST("every instruction set makes the same pixels, of images of any size") {
  const std::string before = kernels().name;
  for (const Size size :
       {Size{1, 1}, Size{1, 7}, Size{9, 1}, Size{5, 6}, Size{13, 22}, Size{11, 43}, Size{30, 112}}) {
    EXPECT(use_instruction_set("portable"));
    const std::vector<uint8_t> expected = worked_over(size);
    for (const std::string_view name : instruction_sets()) {
      EXPECT(use_instruction_set(name));
      EXPECT(worked_over(size) == expected);
    }
  }
  EXPECT(use_instruction_set(before));
}

TEST("every instruction set normalises and mirrors rows of any length") {
  const std::string before = kernels().name;
  for (size_t pixels = 1; pixels <= 130; ++pixels) {
    const std::vector<uint8_t> row = noise(3 * pixels, static_cast<unsigned>(pixels));
    for (const std::string_view name : instruction_sets()) {
      EXPECT(use_instruction_set(name));
      std::vector<float> numbers(row.size());
      kernels().normalize(row.data(), row.size(), numbers.data());
      std::vector<uint8_t> mirrored(row.size());
      kernels().mirror(row.data(), pixels, mirrored.data());
      for (size_t i = 0; i < row.size(); ++i) {
        const float expected = (static_cast<float>(row[i]) / 255.0f - 0.5f) / 0.5f;
        EXPECT(std::memcmp(&numbers[i], &expected, sizeof expected) == 0);
        EXPECT(mirrored[i] == row[3 * (pixels - 1 - i / 3) + i % 3]);
      }
    }
  }
  EXPECT(use_instruction_set(before));
}

TEST("an instruction set that is not there is not taken") {
  const std::string before = kernels().name;
  EXPECT(!use_instruction_set("avx1024"));
  EXPECT(!use_instruction_set(""));
  EXPECT(before == kernels().name);
}

}  // namespace
