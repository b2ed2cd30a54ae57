// Stand-alone check of the head's kernels on a real GPU: nvcc alone, no torch, no Node.
//
//   npm run gpu-check          builds this file and runs it
//
// First every check of checks.h, then the time of each kernel beside the bytes that it must move.
#include <cuda_runtime.h>

#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#define KAPPA_LAUNCH(kernel, grid, block, stream, ...) kernel<<<grid, block, 0, stream>>>(__VA_ARGS__)
#include "kernels/cuda/batch_norm.cuh"
#include "kernels/cuda/checks.h"
#include "kernels/cuda/head.cuh"
#include "kernels/cuda/images.cuh"

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
template <class T>
void Buffer<T>::write(const std::vector<T>& values) {
  require_cuda(cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice),
               "copy to the device");
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
  constexpr int64_t batch = 512, columns = 8 * chunk_columns, dim = 512;
  const double width = sizeof(L);
  std::vector<int64_t> rows(batch, -1);
  for (int64_t i = 0; i < batch; i += 4) rows[i] = i * 7 % columns;
  const auto n = [](int64_t count) { return static_cast<size_t>(count); };
  Buffer<float> cosines(n(batch * columns)), shifts(n(batch)), sums(n(batch * chunks_of(columns)));
  Buffer<L> values(n(batch * columns)), units(n(columns * dim));
  Buffer<float> centres(std::vector<float>(n(columns * dim), 0.01f)), velocities(n(columns * dim)),
      gradients(n(columns * dim)), unit_embeddings(n(batch * dim));
  Buffer<double> target_gradients(n(batch));
  Buffer<int64_t> targets(rows);
  const LogitBlock block{cosines.data(), columns, batch, columns, targets.data(), 0, 64, 1};
  std::printf("%s, batch %lld, %lld classes in a block, dimension %lld\n", Precision<L>::name,
              static_cast<long long>(batch), static_cast<long long>(columns), static_cast<long long>(dim));
  time_kernel("unit_rows", columns * dim * (4 + width),
              [&] { unit_rows<L>(centres.data(), nullptr, columns, dim, units.data(), nullptr); });
  time_kernel("exponentials", static_cast<double>(batch) * columns * (4 + width),
              [&] { exponentials<L>(block, shifts.data(), values.data(), columns, sums.data(), nullptr); });
  time_kernel("chunk_maxima", 4.0 * batch * columns, [&] { chunk_maxima(block, sums.data(), nullptr); });
  time_kernel("add_targets", 12.0 * batch * dim, [&] {
    add_targets(unit_embeddings.data(), targets.data(), 0, columns, target_gradients.data(), 1, batch, dim,
                gradients.data(), nullptr);
  });
  time_kernel("step_rows", (5.0 * 4 + width) * columns * dim, [&] {
    step_rows<L>(gradients.data(), nullptr, columns, dim, {}, {1e-3f, 0.9f, 5e-4f, false}, nullptr,
                 centres.data(), velocities.data(), units.data(), nullptr);
  });
}

/// Batch normalisation as a network has it: rows are the pixels of 128 images.
template <class L>
void time_norms() {
  for (const auto& [side, channels] :
       {std::pair<int64_t, int64_t>{112, 64}, {56, 64}, {28, 128}, {14, 256}, {7, 512}}) {
    const int64_t rows = 128 * side * side;
    const auto count = static_cast<size_t>(rows * channels);
    const double bytes = static_cast<double>(count) * sizeof(L);
    Buffer<L> x(count), y(count), up(count);
    const auto column = [&](float value) { return std::vector<float>(static_cast<size_t>(channels), value); };
    Buffer<float> mean(column(0)), inverse(column(1)), weight(column(1)), bias(column(0.5f)),
        slope(column(0.25f));
    Buffer<float> dweight(column(0)), dbias(column(0)), dslope(column(0));
    Buffer<float> scratch(static_cast<size_t>(norm_scratch(rows, channels, sizeof(L))));
    const ChannelNorm norm{mean.data(), inverse.data(), weight.data(), bias.data(), slope.data()};
    const ChannelGradients gradients{dweight.data(), dbias.data(), dslope.data()};
    std::printf("%s, 128 images, %lld x %lld pixels, %lld channels\n", Precision<L>::name,
                static_cast<long long>(side), static_cast<long long>(side), static_cast<long long>(channels));
    time_kernel("batch_statistics", bytes, [&] {
      batch_statistics<L>(x.data(), rows, channels,
                          {mean.data(), inverse.data(), nullptr, nullptr, 0.1, 1e-5}, scratch.data(),
                          nullptr);
    });
    time_kernel("normalize", 2 * bytes, [&] {
      normalize<L>(x.data(), rows, channels, norm, static_cast<const L*>(nullptr), y.data(), nullptr);
    });
    time_kernel("norm_gradients", 2 * bytes, [&] {
      norm_gradients<L>(x.data(), up.data(), rows, channels, norm, gradients, scratch.data(), nullptr);
    });
    time_kernel("input_gradients", 3 * bytes, [&] {
      input_gradients<L>(x.data(), up.data(), static_cast<const L*>(nullptr), rows, channels, norm, gradients,
                         y.data(), nullptr);
    });
  }
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
  kappa::cuda::time_images();
  kappa::cuda::time_norms<kappa::cuda::BFloat16>();
  return report.failed == 0 ? 0 : 1;
}
