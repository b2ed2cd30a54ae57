// Errors as users see them: a stable code and a message. Nothing else crosses the boundary.
#pragma once
#include <c10/util/Exception.h>

#include <sstream>
#include <stdexcept>
#include <string>

namespace kappa {

/// An error with one of the codes of lib/errors.ts.
class Error : public std::runtime_error {
 public:
  Error(const char* code, const std::string& message) : std::runtime_error(message), code_(code) {}
  const char* code() const noexcept { return code_; }

 private:
  const char* code_;
};

struct ErrorInfo {
  std::string code;
  std::string message;
};

/// Whether LibTorch found no memory. Its allocators for devices have a class of error for that; that for the
/// CPU has none, so it is known by its name in the message.
bool is_out_of_memory(const c10::Error& error) noexcept;

/// Describes the exception being handled. Call it inside a catch block only.
/// @param debug keep LibTorch's C++ frames in the message
ErrorInfo current_error(bool debug) noexcept;

/// Concatenates its arguments.
template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// Throws `Error(code, text(parts...))` unless the condition holds.
template <class... Parts>
void require(bool condition, const char* code, const Parts&... parts) {
  if (!condition) throw Error(code, text(parts...));
}

}  // namespace kappa
