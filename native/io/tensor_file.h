// Raw tensor bytes to and from files. The layout of the file (safetensors) is the caller's business.
#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

namespace kappa {

/// Copies of tensors as they are now: contiguous, in the memory of the CPU, shared with nobody.
std::vector<at::Tensor> snapshot_tensors(const std::vector<at::Tensor>& tensors);

/// Writes the header and then each tensor's elements in row-major order, and waits until the disk has them.
/// A file that could not be finished is removed.
void write_tensor_file(const std::string& path, const void* header, size_t header_bytes,
                       const std::vector<at::Tensor>& tensors);

struct TensorSpan {
  int64_t offset = 0;  // bytes from the start of the file
  at::ScalarType dtype = at::kFloat;
  std::vector<int64_t> shape;
};

/// Reads tensors from their places in a file. A place or shape that the file does not have is ERR_CHECKPOINT,
/// and nothing is allocated for it.
std::vector<at::Tensor> read_tensor_file(const std::string& path, const std::vector<TensorSpan>& spans);

/// Rows of a tensor that a file has, one behind the other.
struct RowsOfFile {
  std::string path;
  int64_t offset = 0;  // bytes from the start of the file to the first of them
  int64_t rows = 0;
};

/// Puts one tensor together from rows of several files, in this order; each is read straight to its place.
/// A scalar is one row.
/// Nothing is allocated before all of them were found to be there; otherwise ERR_CHECKPOINT.
at::Tensor read_tensor_rows(at::ScalarType dtype, const std::vector<int64_t>& shape,
                            const std::vector<RowsOfFile>& pieces);

}  // namespace kappa
