// How LibTorch computes on GPUs where there is a choice between speed and exactness. Of the whole process.
#pragma once

namespace kappa {

struct DeviceSettings {
  /// Products and convolutions of float32 in TF32 (10 bits of mantissa) on tensor cores.
  bool allow_tf32 = false;
  /// Algorithms that give the same bits each time. Otherwise cuDNN tries its algorithms on the first batch of
  /// a shape and takes the fastest.
  bool deterministic = false;
};

/// They hold from now on, with or without a GPU.
void apply(const DeviceSettings& settings);

}  // namespace kappa
