// The element types of logits, for host and device, without the toolkit's headers on the host.
#pragma once
#include <cstdint>
#include <cstring>

#include "head/margin.h"

#ifdef __CUDACC__
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#endif

namespace kappa::cuda {

struct alignas(2) Half {
  uint16_t bits;
};
struct alignas(2) BFloat16 {
  uint16_t bits;
};

template <class To, class From>
KAPPA_HOST_DEVICE inline To bits_as(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  memcpy(&to, &from, sizeof to);
  return to;
}

KAPPA_HOST_DEVICE inline float widen(float value) { return value; }

KAPPA_HOST_DEVICE inline float widen(BFloat16 value) {
  return bits_as<float>(static_cast<uint32_t>(value.bits) << 16);
}

KAPPA_HOST_DEVICE inline float widen(Half value) {
#ifdef __CUDA_ARCH__
  return __half2float(bits_as<__half>(value.bits));
#else
  const uint32_t sign = static_cast<uint32_t>(value.bits & 0x8000u) << 16;
  const uint32_t exponent = (value.bits >> 10) & 0x1fu;
  const uint32_t fraction = value.bits & 0x3ffu;
  if (exponent == 0x1fu) return bits_as<float>(sign | 0x7f800000u | (fraction << 13));
  if (exponent != 0) return bits_as<float>(sign | ((exponent + 112u) << 23) | (fraction << 13));
  const float magnitude = static_cast<float>(fraction) * 5.9604644775390625e-8f;  // 2^-24
  return sign != 0 ? -magnitude : magnitude;
#endif
}

template <class L>
KAPPA_HOST_DEVICE L narrow(float value);

template <>
KAPPA_HOST_DEVICE inline float narrow<float>(float value) {
  return value;
}

template <>
KAPPA_HOST_DEVICE inline BFloat16 narrow<BFloat16>(float value) {
#ifdef __CUDA_ARCH__
  return bits_as<BFloat16>(__float2bfloat16_rn(value));
#else
  const auto bits = bits_as<uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {static_cast<uint16_t>((bits >> 16) | 0x40u)};
  return {static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
#endif
}

template <>
KAPPA_HOST_DEVICE inline Half narrow<Half>(float value) {
#ifdef __CUDA_ARCH__
  return bits_as<Half>(__float2half_rn(value));
#else
  const auto bits = bits_as<uint32_t>(value);
  const auto sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return {static_cast<uint16_t>(sign | 0x7e00u)};
  if (magnitude >= 0x477ff000u) return {static_cast<uint16_t>(sign | 0x7c00u)};  // rounds to infinity
  if (magnitude < 0x38800000u) {
    // Below the normal numbers: adding 0.5 lets float's own rounding find the steps of 2^-24.
    const float shifted = bits_as<float>(magnitude) + 0.5f;
    return {static_cast<uint16_t>(sign | (bits_as<uint32_t>(shifted) - 0x3f000000u))};
  }
  const uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
  return {static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13))};
#endif
}

/// 16 bytes: what a thread loads and stores at once.
template <class L>
struct alignas(16) Pack {
  static constexpr int size = 16 / sizeof(L);
  L values[size];
};

}  // namespace kappa::cuda
