// What the processor does, and does fast: asked once, answered for everybody.
//
// KAPPA_CPU_ISA stands for a lesser processor, so that what such a one does can be tried on a better one:
// avx2, avx512 (without bfloat16), avx512_bf16 (without matrix units), or baseline. It holds for our own
// loops and, by their own variables, for ATen, oneDNN and MKL; those variables count as well where somebody
// sets them.
#pragma once
#include "runtime/precision.h"

namespace kappa {

struct CpuFeatures {
  bool avx2 = false;         // with FMA and BMI: x86-64-v3
  bool avx512 = false;       // F, BW, CD, DQ, VL: x86-64-v4
  bool avx512_bf16 = false;  // products of bfloat16
  bool amx_bf16 = false;     // matrix units for bfloat16
  bool neon = false;
  bool arm_bf16 = false;  // products of bfloat16 on ARM
};

/// Hands KAPPA_CPU_ISA on to the libraries, which read their variables at their first use. Once, before that.
/// @throws Error ERR_CONFIG for a name that it cannot have
void restrict_cpu_features();

/// What may be used here.
const CpuFeatures& cpu_features();

/// Whether products in this precision are faster than in float32 here: in hardware, not emulated.
bool cpu_is_fast_in(Precision precision);

}  // namespace kappa
