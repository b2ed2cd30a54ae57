#include "runtime/libtorch_version.h"

#include <ATen/Version.h>
#include <torch/version.h>

#include "runtime/error.h"

#ifndef _WIN32
#include <dlfcn.h>
#endif

namespace kappa {
namespace {

/// " (FILE)" of the library that describes itself, where the system tells it.
std::string where_loaded() {
#ifndef _WIN32
  Dl_info info{};
  if (dladdr(reinterpret_cast<void*>(&at::show_config), &info) != 0 && info.dli_fname != nullptr) {
    return text(" (", info.dli_fname, ")");
  }
#endif
  return "";
}

/// 2.13 of 2.13.0.
std::string minor_of(const std::string& version) {
  return version.substr(0, version.find('.', version.find('.') + 1));
}

}  // namespace

std::string version_in(const std::string& configuration) {
  static constexpr char key[] = "TORCH_VERSION=";
  const size_t found = configuration.find(key);
  if (found == std::string::npos) return "";
  const size_t start = found + sizeof(key) - 1;
  return configuration.substr(start, configuration.find_first_not_of("0123456789.", start) - start);
}

std::string loaded_libtorch() {
  const std::string version = version_in(at::show_config());
  // One that does not tell its version is believed to be what it was compiled against.
  return version.empty() ? TORCH_VERSION : version;
}

void require_loaded_libtorch() {
  const std::string loaded = loaded_libtorch();
  require(minor_of(loaded) == minor_of(TORCH_VERSION), "ERR_VERSION", "built for LibTorch ", TORCH_VERSION,
          ", but ", loaded, where_loaded(),
          " is loaded. Is LD_LIBRARY_PATH set, or was another package with a LibTorch loaded before? If not, "
          "build the addon anew: npx kappa libtorch install, in a clone npm run build:native.");
}

}  // namespace kappa
