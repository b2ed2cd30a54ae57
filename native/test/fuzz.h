// What a fuzz target offers to the driver in fuzz.cc. The names are libFuzzer's, so that it can drive it as
// well.
#pragma once
#include <cstddef>
#include <cstdint>

/// Parses one input. What must not happen ends the process: a sanitizer's report, or abort().
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
