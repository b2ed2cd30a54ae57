// Stand-alone check of the head's kernels on a real GPU: nvcc alone, no torch, no Node.
//
//   npm run gpu-check          builds this file and runs it
//
// First every check of checks.h, then the time of each kernel beside the bytes that it must move.
#include <cuda_runtime.h>

#include <cstdio>
#include <cstdlib>
#include <vector>

#define KAPPA_LAUNCH(kernel, grid, block, stream, ...) kernel<<<grid, block, 0, stream>>>(__VA_ARGS__)
#include "head/cuda/checks.h"
#include "head/cuda/kernels.cuh"
#include "tensor/cuda/image_kernel.cuh"

namespace {

void require_cuda(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  std::printf("CUDA error in %s: %s\n", what, cudaGetErrorString(status));
  std::exit(2);
}

}  // namespace

namespace kappa::cuda {

template <class T>
Buffer<T>::Buffer(std::vector<T> values) : count_(values.size()), data_(nullptr) {
  require_cuda(cudaMalloc(&data_, std::max<size_t>(16, count_ * sizeof(T))), "cudaMalloc");
  require_cuda(cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice),
               "copy to the device");
}
template <class T>
Buffer<T>::~Buffer() {
  cudaFree(data_);
}
template <class T>
std::vector<T> Buffer<T>::read() const {
  std::vector<T> values(count_);
  require_cuda(cudaMemcpy(values.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost),
               "a kernel or its copy");
  return values;
}

namespace {

template <class Launch>
void time_kernel(const char* name, double bytes, const Launch& launch) {
  cudaEvent_t start, stop;
  require_cuda(cudaEventCreate(&start), "an event");
  require_cuda(cudaEventCreate(&stop), "an event");
  constexpr int runs = 20;
  for (int i = 0; i < 3; ++i) launch();
  cudaEventRecord(start);
  for (int i = 0; i < runs; ++i) launch();
  cudaEventRecord(stop);
  require_cuda(cudaEventSynchronize(stop), name);
  float milliseconds = 0;
  cudaEventElapsedTime(&milliseconds, start, stop);
  const double seconds = milliseconds / 1000.0 / runs;
  std::printf("%-34s %9.1f us  %8.1f GB/s\n", name, seconds * 1e6, bytes / seconds / 1e9);
  cudaEventDestroy(start);
  cudaEventDestroy(stop);
}

template <class L>
void time_precision() {
  constexpr int64_t batch = 512, columns = 16384, dim = 512;
  const double width = sizeof(L);
  std::vector<int64_t> targets(batch, -1);
  for (int64_t i = 0; i < batch; i += 4) targets[i] = i * 7 % columns;
  Buffer<L> cosines(static_cast<size_t>(batch * columns)), units(static_cast<size_t>(columns * dim));
  Buffer<float> centres(std::vector<float>(static_cast<size_t>(columns * dim), 0.01f)), inverse(columns),
      outputs(static_cast<size_t>(batch * dim)), maxima(batch);
  Buffer<int64_t> at(targets);
  std::vector<Buffer<float>*> fields;
  for (int i = 0; i < 7; ++i)
    fields.push_back(new Buffer<float>(std::vector<float>(batch, i == 4 ? 1.0f : 0.0f)));
  const SampleState state{fields[0]->data(), fields[1]->data(), fields[2]->data(), fields[3]->data(),
                          fields[4]->data(), fields[5]->data(), fields[6]->data()};
  std::printf("%s, batch %lld, %lld classes in a block, dimension %lld\n", Precision<L>::name,
              static_cast<long long>(batch), static_cast<long long>(columns), static_cast<long long>(dim));
  time_kernel("unit_rows", columns * dim * (4 + width), [&] {
    unit_rows<L>(centres.data(), nullptr, columns, dim, units.data(), inverse.data(), nullptr);
  });
  time_kernel("softmax_block", 3.0 * batch * columns * width, [&] {
    softmax_block<L>(cosines.data(), columns, batch, columns, at.data(), 64, 1, state, maxima.data(),
                     outputs.data(), dim, nullptr);
  });
  time_kernel("gradient_block", 2.0 * batch * columns * width, [&] {
    gradient_block<L>(cosines.data(), columns, batch, columns, at.data(), maxima.data(), state, nullptr);
  });
  for (auto* field : fields) delete field;
}

void time_steps() {
  constexpr int64_t rows = 85742, dim = 512;
  const std::vector<float> values(static_cast<size_t>(rows * dim), 0.01f);
  Buffer<float> centres(values), velocities(values), gradients(values);
  std::printf("centres, %lld classes, dimension %lld\n", static_cast<long long>(rows),
              static_cast<long long>(dim));
  time_kernel("step_rows", 5.0 * 4 * rows * dim, [&] {
    step_rows(gradients.data(), nullptr, rows, dim, 1e-3f, {1e-3f, 0.9f, 5e-4f, false}, centres.data(),
              velocities.data(), nullptr);
  });
}

void time_images() {
  constexpr int64_t batch = 512, side = 112;
  Buffer<uint8_t> pixels(static_cast<size_t>(batch * side * side * 3)), flips(std::vector<uint8_t>(batch, 1));
  Buffer<float> out(static_cast<size_t>(batch * side * side * 3));
  std::printf("%lld images of 112 x 112 pixels\n", static_cast<long long>(batch));
  time_kernel("normalize_images", 15.0 * batch * side * side,
              [&] { normalize_images(pixels.data(), flips.data(), batch, side, side, out.data(), nullptr); });
}

}  // namespace
}  // namespace kappa::cuda

int main() {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::printf("No GPU that CUDA can use was found; nothing was checked.\n");
    return 3;
  }
  cudaDeviceProp properties;
  require_cuda(cudaGetDeviceProperties(&properties, 0), "the properties of the GPU");
  std::printf("%s, compute capability %d.%d\n", properties.name, properties.major, properties.minor);
  const kappa::cuda::Report report = kappa::cuda::check_kernels();
  std::printf("%d checks passed, %d failed\n", report.passed, report.failed);
  kappa::cuda::time_precision<float>();
  kappa::cuda::time_precision<kappa::cuda::Half>();
  kappa::cuda::time_precision<kappa::cuda::BFloat16>();
  kappa::cuda::time_steps();
  kappa::cuda::time_images();
  return report.failed == 0 ? 0 : 1;
}
