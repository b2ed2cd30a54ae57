#include "runtime/cpu_features.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "runtime/error.h"

#if defined(__x86_64__) || defined(_M_X64)
#define KAPPA_X86
#ifdef _MSC_VER
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace kappa {
namespace {

/// Steps from the least processor to the best; each has what those before it have.
enum Level { baseline, avx2, avx512, avx512_bf16, everything };

struct LevelName {
  const char* name;
  Level level;
  const char* aten;    // ATEN_CPU_CAPABILITY
  const char* onednn;  // ONEDNN_MAX_CPU_ISA
  const char* mkl;     // MKL_ENABLE_INSTRUCTIONS
};

constexpr std::array<LevelName, 4> level_names = {{
    {"baseline", baseline, "default", "SSE41", "SSE4_2"},
    {"avx2", avx2, "avx2", "AVX2", "AVX2"},
    {"avx512", avx512, "avx512", "AVX512_CORE", "AVX512"},
    {"avx512_bf16", avx512_bf16, "avx512", "AVX512_CORE_BF16", "AVX512"},
}};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

void set_variable_if_unset(const char* name, const char* value) {
  if (std::getenv(name) != nullptr) return;
#ifdef _WIN32
  _putenv_s(name, value);
#else
  setenv(name, value, 0);
#endif
}

const LevelName* named_level() {
  const std::string name = variable("KAPPA_CPU_ISA");
  if (name.empty()) return nullptr;
  for (const LevelName& level : level_names) {
    if (name == level.name) return &level;
  }
  throw Error(
      "ERR_CONFIG",
      text("Expected baseline, avx2, avx512 or avx512_bf16 for the environment variable KAPPA_CPU_ISA "
           "but received '",
           name, "'."));
}

/// What oneDNN may use, by its own variable.
Level onednn_level() {
  std::string isa = variable("ONEDNN_MAX_CPU_ISA");
  if (isa.empty()) isa = variable("DNNL_MAX_CPU_ISA");
  std::transform(isa.begin(), isa.end(), isa.begin(), [](unsigned char c) { return std::toupper(c); });
  if (isa == "SSE41" || isa == "AVX") return baseline;
  if (isa == "AVX2" || isa == "AVX2_VNNI" || isa == "AVX2_VNNI_2") return avx2;
  if (isa == "AVX512_CORE" || isa == "AVX512_CORE_VNNI") return avx512;
  if (isa == "AVX512_CORE_BF16" || isa == "AVX512_CORE_FP16") return avx512_bf16;
  return everything;
}

#ifdef KAPPA_X86
struct Registers {
  uint32_t a = 0, b = 0, c = 0, d = 0;
};

Registers cpuid(uint32_t leaf, uint32_t part) {
  Registers r;
#ifdef _MSC_VER
  int values[4];
  __cpuidex(values, static_cast<int>(leaf), static_cast<int>(part));
  r = {static_cast<uint32_t>(values[0]), static_cast<uint32_t>(values[1]), static_cast<uint32_t>(values[2]),
       static_cast<uint32_t>(values[3])};
#else
  if (__get_cpuid_count(leaf, part, &r.a, &r.b, &r.c, &r.d) == 0) return {};
#endif
  return r;
}

/// Registers that the operating system keeps (XCR0).
uint64_t kept_registers() {
#ifdef _MSC_VER
  return _xgetbv(0);
#else
  uint32_t low = 0;
  uint32_t high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t{high} << 32) | low;
#endif
}
#endif

CpuFeatures ask() {
  CpuFeatures features;
#ifdef KAPPA_X86
  const auto has = [](uint32_t word, int bit) { return ((word >> bit) & 1u) != 0; };
  const Registers basic = cpuid(1, 0);
  if (!has(basic.c, 27)) return features;  // the system does not use XSAVE
  const uint64_t kept = kept_registers();
  const Registers extended = cpuid(7, 0);
  const Registers more = cpuid(7, 1);
  const bool vectors = (kept & 0x6) == 0x6;               // XMM, YMM
  const bool wide = (kept & 0xe6) == 0xe6;                // and ZMM, masks
  const bool tiles = (kept & 0x60000) == 0x60000;         // AMX
  const bool fma = has(basic.c, 12) && has(basic.c, 29);  // and F16C
  const bool bits = has(basic.c, 22) && has(extended.b, 3) && has(extended.b, 8) &&
                    has(cpuid(0x80000001, 0).c, 5);  // MOVBE, BMI1, BMI2, LZCNT: compilers use them, too
  features.avx2 = vectors && has(extended.b, 5) && fma && bits;
  features.avx512 = features.avx2 && wide && has(extended.b, 16) && has(extended.b, 17) &&
                    has(extended.b, 28) && has(extended.b, 30) && has(extended.b, 31);
  features.avx512_bf16 = features.avx512 && has(more.a, 5);
  features.amx_bf16 = features.avx512_bf16 && tiles && has(extended.d, 22) && has(extended.d, 24);
#elif defined(__aarch64__)
  features.neon = true;
#if defined(__linux__) && defined(HWCAP2_BF16)
  features.arm_bf16 = (getauxval(AT_HWCAP2) & HWCAP2_BF16) != 0;
#elif defined(__APPLE__)
  int value = 0;
  size_t size = sizeof value;
  features.arm_bf16 = sysctlbyname("hw.optional.arm.FEAT_BF16", &value, &size, nullptr, 0) == 0 && value != 0;
#endif
#endif
  return features;
}

CpuFeatures ask_and_restrict() {
  CpuFeatures features = ask();
  const LevelName* named = named_level();
  const Level allowed = named == nullptr ? everything : named->level;
  features.avx2 &= allowed >= avx2;
  features.avx512 &= allowed >= avx512;
  const Level products = std::min(allowed, onednn_level());
  features.avx512_bf16 &= products >= avx512_bf16;
  features.amx_bf16 &= products >= everything;
  return features;
}

}  // namespace

void restrict_cpu_features() {
  const LevelName* named = named_level();
  if (named == nullptr) return;
  set_variable_if_unset("ATEN_CPU_CAPABILITY", named->aten);
  set_variable_if_unset("ONEDNN_MAX_CPU_ISA", named->onednn);
  set_variable_if_unset("MKL_ENABLE_INSTRUCTIONS", named->mkl);
}

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = ask_and_restrict();
  return features;
}

bool cpu_is_fast_in(Precision precision) {
  const CpuFeatures& features = cpu_features();
  switch (precision) {
    case Precision::float32:
      return true;
    case Precision::bfloat16:
      return features.avx512_bf16 || features.amx_bf16 || features.arm_bf16;
    default:
      return false;  // float16 is emulated, or no faster than bfloat16
  }
}

}  // namespace kappa
