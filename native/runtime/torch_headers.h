// The part of LibTorch that this project uses, precompiled once. torch/torch.h would add half a minute
// to every translation unit and nothing that is needed here.
#pragma once
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
