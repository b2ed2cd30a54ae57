#include "runtime/error.h"

#include <c10/util/Exception.h>

#include <new>

namespace kappa {
namespace {

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

const char* libtorch_code(const std::string& message) {
  if (contains(message, "can't allocate memory") || contains(message, "out of memory")) {
    return "ERR_OUT_OF_MEMORY";
  }
  if (contains(message, "size of tensor") || contains(message, "shape") || contains(message, "sizes") ||
      contains(message, "dimension") || contains(message, "Dimension")) {
    return "ERR_SHAPE";
  }
  return "ERR_LIBTORCH";
}

}  // namespace

ErrorInfo current_error(bool debug) noexcept {
  try {
    try {
      throw;
    } catch (const Error& error) {
      return {error.code(), error.what()};
    } catch (const c10::Error& error) {
      std::string message = error.what_without_backtrace();
      return {libtorch_code(message), debug ? std::string(error.what()) : message};
    } catch (const std::bad_alloc&) {
      return {"ERR_OUT_OF_MEMORY", "Not enough memory."};
    } catch (const std::exception& error) {
      return {libtorch_code(error.what()), error.what()};
    } catch (...) {
      return {"ERR_INTERNAL", "An unknown C++ exception was thrown."};
    }
  } catch (...) {
    return {};  // Not even the message could be allocated.
  }
}

}  // namespace kappa
