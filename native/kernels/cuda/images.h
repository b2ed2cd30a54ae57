// The CUDA kernel that turns decoded pixels into the backbone's input, by its launcher: raw device pointers
// and a stream, no torch and no synchronisation.
#pragma once
#include <cstdint>

#include "runtime/cuda_stream.h"

namespace kappa::cuda {

/// What images_to_tensor (tensor/images.h) does, to the same bits: conversion, mirroring, normalisation and
/// layout in one pass.
/// @param pixels batch x height x width x 3 bytes
/// @param flips one byte an image, nonzero to mirror it left to right; null for none
/// @param out batch x height x width x 3 floats (channels_last), 16-byte aligned
void normalize_images(const uint8_t* pixels, const uint8_t* flips, int64_t batch, int64_t height,
                      int64_t width, float* out, cudaStream_t stream);

}  // namespace kappa::cuda
