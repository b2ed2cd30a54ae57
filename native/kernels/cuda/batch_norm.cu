#define KAPPA_LAUNCH(kernel, grid, block, stream, ...) kernel<<<grid, block, 0, stream>>>(__VA_ARGS__)
#include "kernels/cuda/batch_norm.cuh"
