// The kernels of batch normalisation. nvcc compiles this file for the device; the tests compile the very same
// file for the CPU with test/cuda_on_cpu.h.
#pragma once
#include <cmath>
#include <type_traits>

#include "kernels/cuda/batch_norm.h"
#include "kernels/cuda/number.h"

// Of loops over arrays that are to stay in registers; other compilers than nvcc do not know the words.
#ifdef __CUDACC__
#define KAPPA_UNROLL _Pragma("unroll")
#define KAPPA_UNROLL_BY_4 _Pragma("unroll 4")
#define KAPPA_UNSET
#else
#define KAPPA_UNROLL
#define KAPPA_UNROLL_BY_4
// GCC does not see that what is used was loaded; nvcc would keep zeros in registers.
#define KAPPA_UNSET = {}
#endif

namespace kappa::cuda {

#ifndef KAPPA_NORM_THREADS
#define KAPPA_NORM_THREADS 256
#endif
constexpr int norm_threads = KAPPA_NORM_THREADS;
constexpr int norm_rows_at_once = 4;  // loads of a thread that are under way together
constexpr int64_t most_norm_blocks = 1024;
#ifndef KAPPA_NORM_PIECES
#define KAPPA_NORM_PIECES 512
#endif
constexpr int64_t most_norm_pieces = KAPPA_NORM_PIECES;
constexpr int finish_channels = 8;  // of a block that adds pieces: 32 bytes

/// The share of a thread: a pack of channels of every so many rows.
template <class L>
struct NormShare {
  int64_t packs;  // in a row
  int64_t pack;   // of the row
  int64_t first;  // row
  int64_t step;   // to the thread's next row
  bool idle;      // threads beyond whole rows

  __device__ explicit NormShare(int64_t channels)
      : packs(channels / Pack<L>::size), pack(threadIdx.x % packs), first(0), step(0), idle(false) {
    const int64_t rows = blockDim.x / packs;
    const int64_t own = threadIdx.x / packs;
    idle = own >= rows;
    first = blockIdx.x * rows + own;
    step = gridDim.x * rows;
  }
  __device__ int64_t channel() const { return pack * Pack<L>::size; }
};

template <class L>
__device__ inline const Pack<L>* packs_of(const L* values) {
  return reinterpret_cast<const Pack<L>*>(values);
}

/// Calls `each(i, row)` with i = 0, 1, ... below norm_rows_at_once for rows that are loaded together, then
/// goes on.
template <class L, class Load, class Use>
__device__ inline void for_rows(const NormShare<L>& share, int64_t rows, const Load& load, const Use& use) {
  if (share.idle) return;
  for (int64_t row = share.first; row < rows; row += norm_rows_at_once * share.step) {
    KAPPA_UNROLL
    for (int i = 0; i < norm_rows_at_once; ++i) {
      const int64_t at = row + i * share.step;
      if (at < rows) load(i, at * share.packs + share.pack);
    }
    KAPPA_UNROLL
    for (int i = 0; i < norm_rows_at_once; ++i) {
      const int64_t at = row + i * share.step;
      if (at < rows) use(i, at * share.packs + share.pack);
    }
  }
}

/// Adds what the threads of a block have by channel, in the order of their rows.
/// @param pieces of this block, (quantities, channels)
template <class L, int quantities>
__device__ inline void add_rows_of_block(const float (&sums)[quantities][Pack<L>::size],
                                         const NormShare<L>& share, int64_t channels, float* pieces) {
  __shared__ float shared[norm_threads * Pack<L>::size];
  const int64_t rows = blockDim.x / share.packs;
  for (int q = 0; q < quantities; ++q) {
    __syncthreads();  // the last use of `shared` is over
    if (!share.idle) {
      for (int j = 0; j < Pack<L>::size; ++j) shared[threadIdx.x * Pack<L>::size + j] = sums[q][j];
    }
    __syncthreads();
    for (int64_t c = threadIdx.x; c < channels; c += blockDim.x) {
      float sum = 0;
      for (int64_t r = 0; r < rows; ++r) sum += shared[r * channels + c];
      pieces[q * channels + c] = sum;
    }
  }
}

/// Sums of x - pivot and of its square, where the pivot of a channel is its first value: no digits are lost
/// where the mean is far from 0.
template <class L>
__global__ void statistics_kernel(const L* x, int64_t rows, int64_t channels, float* pieces) {
  const NormShare<L> share(channels);
  float sums[2][Pack<L>::size] = {};
  float pivots[Pack<L>::size];
  const Pack<L> first = packs_of(x)[share.pack];
  for (int j = 0; j < Pack<L>::size; ++j) pivots[j] = widen(first.values[j]);
  Pack<L> loaded[norm_rows_at_once] KAPPA_UNSET;
  for_rows(
      share, rows, [&](int i, int64_t at) { loaded[i] = packs_of(x)[at]; },
      [&](int i, int64_t) {
        KAPPA_UNROLL
        for (int j = 0; j < Pack<L>::size; ++j) {
          const float value = widen(loaded[i].values[j]) - pivots[j];
          sums[0][j] += value;
          sums[1][j] += value * value;
        }
      });
  add_rows_of_block<L, 2>(sums, share, channels, pieces + blockIdx.x * 2 * channels);
}

/// Adds the pieces of every channel, in float64 and in order, and calls `finish(channel, sums)` with them.
/// @param pieces (count, quantities, channels)
template <int quantities, class Finish>
__device__ inline void add_pieces(const float* pieces, int64_t count, int64_t channels,
                                  const Finish& finish) {
  __shared__ double shared[quantities][norm_threads];
  const int part = threadIdx.x / finish_channels;
  const int parts = blockDim.x / finish_channels;
  for (int64_t first = blockIdx.x * finish_channels; first < channels; first += gridDim.x * finish_channels) {
    const int64_t channel = first + threadIdx.x % finish_channels;
    for (int q = 0; q < quantities; ++q) {
      double sum = 0;
      if (channel < channels) {
        KAPPA_UNROLL_BY_4
        for (int64_t p = part; p < count; p += parts)
          sum += pieces[(p * quantities + q) * channels + channel];
      }
      shared[q][threadIdx.x] = sum;
    }
    __syncthreads();
    if (part == 0 && channel < channels) {
      double sums[quantities] = {};
      for (int q = 0; q < quantities; ++q) {
        for (int i = 0; i < parts; ++i) sums[q] += shared[q][threadIdx.x + i * finish_channels];
      }
      finish(channel, sums);
    }
    __syncthreads();  // the last use of `shared` is over
  }
}

template <class L>
__global__ void finish_statistics_kernel(const L* x, const float* pieces, int64_t count, int64_t rows,
                                         int64_t channels, ChannelStatistics statistics) {
  add_pieces<2>(pieces, count, channels, [&](int64_t c, const double(&sums)[2]) {
    const auto n = static_cast<double>(rows);
    const double shift = sums[0] / n;
    const double mean = widen(x[c]) + shift;
    const double squares = sums[1] - sums[0] * shift;
    // Not by fmax: a variance that is not a number stays so.
    const double variance = squares < 0 ? 0 : squares / n;
    statistics.mean[c] = static_cast<float>(mean);
    statistics.inverse[c] = static_cast<float>(1 / sqrt(variance + statistics.epsilon));
    if (statistics.running_mean == nullptr) return;
    const double unbiased = rows > 1 ? variance * (n / (n - 1)) : variance;
    const auto move = [&](float& value, double towards) {
      value = static_cast<float>((1 - statistics.momentum) * value + statistics.momentum * towards);
    };
    move(statistics.running_mean[c], mean);
    move(statistics.running_variance[c], unbiased);
  });
}

/// A thread's channels of what is given by channel.
template <int size>
struct ChannelValues {
  float values[size];
  ChannelValues() = default;
  __device__ ChannelValues(const float* from, int64_t channel, float otherwise) {
    KAPPA_UNROLL
    for (int j = 0; j < size; ++j) values[j] = from != nullptr ? from[channel + j] : otherwise;
  }
  __device__ float operator[](int j) const { return values[j]; }
};

/// What a thread needs to normalise its channels.
template <int size>
struct OwnNorm {
  ChannelValues<size> mean, scale, bias, slope;
  __device__ OwnNorm(const ChannelNorm& norm, int64_t channel)
      : mean(norm.mean, channel, 0),
        scale(norm.weight, channel, 1),
        bias(norm.bias, channel, 0),
        slope(norm.slope, channel, 1) {
    KAPPA_UNROLL
    for (int j = 0; j < size; ++j) scale.values[j] *= norm.inverse[channel + j];
  }
};

template <class L, bool has_slope, bool has_shortcut>
__global__ void normalize_kernel(const L* x, int64_t rows, int64_t channels, ChannelNorm norm,
                                 const L* shortcut, L* y) {
  constexpr int size = Pack<L>::size;
  const NormShare<L> share(channels);
  const OwnNorm<size> own(norm, share.channel());
  Pack<L> loaded[norm_rows_at_once] KAPPA_UNSET;
  Pack<L> added[has_shortcut ? norm_rows_at_once : 1] KAPPA_UNSET;
  for_rows(
      share, rows,
      [&](int i, int64_t at) {
        loaded[i] = packs_of(x)[at];
        if constexpr (has_shortcut) added[i] = packs_of(shortcut)[at];
      },
      [&](int i, int64_t at) {
        Pack<L> out;
        KAPPA_UNROLL
        for (int j = 0; j < size; ++j) {
          float value = (widen(loaded[i].values[j]) - own.mean[j]) * own.scale[j] + own.bias[j];
          if constexpr (has_slope) value = value > 0 ? value : value * own.slope[j];
          if constexpr (has_shortcut) value += widen(added[i].values[j]);
          out.values[j] = narrow<L>(value);
        }
        reinterpret_cast<Pack<L>*>(y)[at] = out;
      });
}

/// Sums of the gradient g by what the normalisation gives, of g (x - mean), and of the slope's gradient.
template <class L, bool has_slope>
__global__ void gradient_sums_kernel(const L* x, const L* upstream, int64_t rows, int64_t channels,
                                     ChannelNorm norm, float* pieces) {
  constexpr int size = Pack<L>::size;
  constexpr int quantities = has_slope ? 3 : 2;
  const NormShare<L> share(channels);
  const OwnNorm<size> own(norm, share.channel());
  float sums[quantities][size] = {};
  Pack<L> loaded[norm_rows_at_once] KAPPA_UNSET;
  Pack<L> above[norm_rows_at_once] KAPPA_UNSET;
  for_rows(
      share, rows,
      [&](int i, int64_t at) {
        loaded[i] = packs_of(x)[at];
        above[i] = packs_of(upstream)[at];
      },
      [&](int i, int64_t) {
        KAPPA_UNROLL
        for (int j = 0; j < size; ++j) {
          const float centred = widen(loaded[i].values[j]) - own.mean[j];
          float gradient = widen(above[i].values[j]);
          if constexpr (has_slope) {
            const float value = centred * own.scale[j] + own.bias[j];
            if (!(value > 0)) {
              sums[2][j] += gradient * value;
              gradient *= own.slope[j];
            }
          }
          sums[0][j] += gradient;
          sums[1][j] += gradient * centred;
        }
      });
  add_rows_of_block<L, quantities>(sums, share, channels, pieces + blockIdx.x * quantities * channels);
}

template <int quantities>
__global__ void finish_gradients_kernel(const float* pieces, int64_t count, int64_t channels,
                                        const float* inverse, ChannelGradients gradients) {
  add_pieces<quantities>(pieces, count, channels, [&](int64_t c, const double(&sums)[quantities]) {
    gradients.bias[c] = static_cast<float>(sums[0]);
    gradients.weight[c] = static_cast<float>(sums[1] * inverse[c]);
    if constexpr (quantities > 2) gradients.slope[c] = static_cast<float>(sums[2]);
  });
}

template <class L, bool has_slope, bool has_addend>
__global__ void input_gradients_kernel(const L* x, const L* upstream, const L* addend, int64_t rows,
                                       int64_t channels, ChannelNorm norm, ChannelGradients gradients,
                                       L* out) {
  constexpr int size = Pack<L>::size;
  const NormShare<L> share(channels);
  const OwnNorm<size> own(norm, share.channel());
  // The gradient by x is scale (g - mean of g - (x - mean) inverse^2 mean of g (x - mean)).
  ChannelValues<size> constant, linear;
  KAPPA_UNROLL
  for (int j = 0; j < size; ++j) {
    const int64_t c = share.channel() + j;
    const float each = own.scale[j] / static_cast<float>(rows);
    constant.values[j] = each * gradients.bias[c];
    linear.values[j] = each * gradients.weight[c] * norm.inverse[c];
  }
  Pack<L> loaded[norm_rows_at_once] KAPPA_UNSET;
  Pack<L> above[norm_rows_at_once] KAPPA_UNSET;
  Pack<L> added[has_addend ? norm_rows_at_once : 1] KAPPA_UNSET;
  for_rows(
      share, rows,
      [&](int i, int64_t at) {
        loaded[i] = packs_of(x)[at];
        above[i] = packs_of(upstream)[at];
        if constexpr (has_addend) added[i] = packs_of(addend)[at];
      },
      [&](int i, int64_t at) {
        Pack<L> result;
        KAPPA_UNROLL
        for (int j = 0; j < size; ++j) {
          const float centred = widen(loaded[i].values[j]) - own.mean[j];
          float gradient = widen(above[i].values[j]);
          if constexpr (has_slope) {
            if (!(centred * own.scale[j] + own.bias[j] > 0)) gradient *= own.slope[j];
          }
          gradient = own.scale[j] * gradient - constant[j] - centred * linear[j];
          if constexpr (has_addend) gradient += widen(added[i].values[j]);
          result.values[j] = narrow<L>(gradient);
        }
        reinterpret_cast<Pack<L>*>(out)[at] = result;
      });
}

// Launchers.

/// Blocks whose threads have all that they load at once, as far as there is that much.
inline int64_t norm_blocks(int64_t rows, int64_t channels, int64_t pack_size, int64_t most) {
  const int64_t rows_of_block = norm_threads / (channels / pack_size) * norm_rows_at_once;
  const int64_t blocks = (rows + rows_of_block - 1) / rows_of_block;
  return blocks < 1 ? 1 : (blocks < most ? blocks : most);
}

template <class L>
unsigned norm_grid(int64_t rows, int64_t channels, int64_t most = most_norm_blocks) {
  return static_cast<unsigned>(norm_blocks(rows, channels, Pack<L>::size, most));
}

inline unsigned finish_grid(int64_t channels) {
  return static_cast<unsigned>((channels + finish_channels - 1) / finish_channels);
}

bool norm_takes(int64_t channels, int64_t element_bytes) {
  const int64_t pack_size = 16 / element_bytes;
  return channels > 0 && channels % pack_size == 0 && channels / pack_size <= norm_threads;
}

int64_t norm_scratch(int64_t rows, int64_t channels, int64_t element_bytes) {
  return 3 * channels * norm_blocks(rows, channels, 16 / element_bytes, most_norm_pieces);
}

/// Calls `launch` with both as constants.
template <class Launch>
void by_flags(bool first, bool second, const Launch& launch) {
  const std::true_type yes;
  const std::false_type no;
  if (first && second) return launch(yes, yes);
  if (first) return launch(yes, no);
  if (second) return launch(no, yes);
  launch(no, no);
}

template <class L>
void batch_statistics(const L* x, int64_t rows, int64_t channels, const ChannelStatistics& statistics,
                      float* scratch, cudaStream_t stream) {
  const unsigned pieces = norm_grid<L>(rows, channels, most_norm_pieces);
  KAPPA_LAUNCH((statistics_kernel<L>), pieces, norm_threads, stream, x, rows, channels, scratch);
  KAPPA_LAUNCH((finish_statistics_kernel<L>), finish_grid(channels), norm_threads, stream, x, scratch, pieces,
               rows, channels, statistics);
}

template <class L>
void normalize(const L* x, int64_t rows, int64_t channels, const ChannelNorm& norm, const L* shortcut, L* y,
               cudaStream_t stream) {
  by_flags(norm.slope != nullptr, shortcut != nullptr, [&](auto has_slope, auto has_shortcut) {
    KAPPA_LAUNCH((normalize_kernel<L, has_slope.value, has_shortcut.value>), norm_grid<L>(rows, channels),
                 norm_threads, stream, x, rows, channels, norm, shortcut, y);
  });
}

template <class L>
void norm_gradients(const L* x, const L* upstream, int64_t rows, int64_t channels, const ChannelNorm& norm,
                    const ChannelGradients& gradients, float* scratch, cudaStream_t stream) {
  by_flags(norm.slope != nullptr, false, [&](auto has_slope, auto) {
    const unsigned pieces = norm_grid<L>(rows, channels, most_norm_pieces);
    KAPPA_LAUNCH((gradient_sums_kernel<L, has_slope.value>), pieces, norm_threads, stream, x, upstream, rows,
                 channels, norm, scratch);
    KAPPA_LAUNCH((finish_gradients_kernel < has_slope.value ? 3 : 2 >), finish_grid(channels), norm_threads,
                 stream, scratch, pieces, channels, norm.inverse, gradients);
  });
}

template <class L>
void input_gradients(const L* x, const L* upstream, const L* addend, int64_t rows, int64_t channels,
                     const ChannelNorm& norm, const ChannelGradients& gradients, L* out,
                     cudaStream_t stream) {
  by_flags(norm.slope != nullptr, addend != nullptr, [&](auto has_slope, auto has_addend) {
    KAPPA_LAUNCH((input_gradients_kernel<L, has_slope.value, has_addend.value>), norm_grid<L>(rows, channels),
                 norm_threads, stream, x, upstream, addend, rows, channels, norm, gradients, out);
  });
}

#define KAPPA_INSTANTIATE(L)                                                                              \
  template void batch_statistics<L>(const L*, int64_t, int64_t, const ChannelStatistics&, float*,         \
                                    cudaStream_t);                                                        \
  template void normalize<L>(const L*, int64_t, int64_t, const ChannelNorm&, const L*, L*, cudaStream_t); \
  template void norm_gradients<L>(const L*, const L*, int64_t, int64_t, const ChannelNorm&,               \
                                  const ChannelGradients&, float*, cudaStream_t);                         \
  template void input_gradients<L>(const L*, const L*, const L*, int64_t, int64_t, const ChannelNorm&,    \
                                   const ChannelGradients&, L*, cudaStream_t);
KAPPA_INSTANTIATE(float)
KAPPA_INSTANTIATE(Half)
KAPPA_INSTANTIATE(BFloat16)
#undef KAPPA_INSTANTIATE

}  // namespace kappa::cuda
