// A parser with a fault that blind mutation does not reach: each right byte opens the next branch. The fuzzer
// must find it, or it is no fuzzer.
#include "test/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 0 && data[0] == 'k')
    if (size > 1 && data[1] == 'a')
      if (size > 2 && data[2] == 'p')
        if (size > 3 && data[3] == 'p')
          if (size > 4 && data[4] == 'a') return static_cast<volatile const uint8_t*>(data)[size];
  return 0;
}
