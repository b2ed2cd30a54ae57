// The version of the LibTorch that is loaded. LD_LIBRARY_PATH, or another package that has loaded a LibTorch
// before, may bring another one than that whose headers this was compiled with, and its functions and classes
// are laid out otherwise.
#pragma once
#include <string>

namespace kappa {

/// The version that LibTorch's description of itself (at::show_config) tells; empty where it tells none.
std::string version_in(const std::string& configuration);

/// The version of the LibTorch that is loaded, such as 2.13.0.
std::string loaded_libtorch();

/// @throws Error ERR_VERSION where another minor version is loaded than was compiled with
void require_loaded_libtorch();

}  // namespace kappa
