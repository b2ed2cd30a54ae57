#include "runtime/error.h"

#include <new>

namespace kappa {
bool is_out_of_memory(const c10::Error& error) noexcept {
  return dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr;
}

ErrorInfo current_error(bool debug) noexcept {
  try {
    try {
      throw;
    } catch (const Error& error) {
      return {error.code(), error.what()};
    } catch (const c10::Error& error) {
      return {is_out_of_memory(error) ? "ERR_OUT_OF_MEMORY" : "ERR_LIBTORCH",
              debug ? error.what() : error.what_without_backtrace()};
    } catch (const std::bad_alloc&) {
      return {"ERR_OUT_OF_MEMORY", "Not enough memory."};
    } catch (const std::exception& error) {
      return {"ERR_LIBTORCH", error.what()};
    } catch (...) {
      return {"ERR_INTERNAL", "An unknown C++ exception was thrown."};
    }
  } catch (...) {
    return {};  // Not even the message could be allocated.
  }
}

}  // namespace kappa
