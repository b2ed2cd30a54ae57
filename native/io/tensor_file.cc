#include "io/tensor_file.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <c10/util/safe_numerics.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "runtime/error.h"

#ifndef _WIN32
#include <unistd.h>
#endif

namespace kappa {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

[[noreturn]] void fail(const char* action, const std::string& path, int code) {
  throw Error("ERR_IO", text("Could not ", action, " ", path, ": ", std::strerror(code), "."));
}

void write_all(std::FILE* file, const void* data, size_t bytes, const std::string& path) {
  if (bytes > 0 && std::fwrite(data, 1, bytes, file) != bytes) fail("write", path, errno);
}

void write_contents(std::FILE* file, const std::string& path, const void* header, size_t header_bytes,
                    const std::vector<at::Tensor>& tensors) {
  write_all(file, header, header_bytes, path);
  for (const auto& tensor : tensors) {
    const at::Tensor values = tensor.detach().to(at::kCPU).contiguous();
    write_all(file, values.const_data_ptr(), static_cast<size_t>(values.numel()) * values.element_size(),
              path);
  }
  if (std::fflush(file) != 0) fail("write", path, errno);
#ifndef _WIN32
  // EINVAL: a pipe, which has no disk behind it.
  if (fsync(fileno(file)) != 0 && errno != EINVAL) fail("write", path, errno);
#endif
}

void seek(std::FILE* file, int64_t offset, int whence, const std::string& path) {
#ifdef _WIN32
  const int moved = _fseeki64(file, offset, whence);
#else
  const int moved = fseeko(file, static_cast<off_t>(offset), whence);
#endif
  if (moved != 0) fail("read", path, errno);
}

int64_t size_of(std::FILE* file, const std::string& path) {
  seek(file, 0, SEEK_END, path);
#ifdef _WIN32
  const int64_t size = _ftelli64(file);
#else
  const int64_t size = ftello(file);
#endif
  if (size < 0) fail("read", path, errno);
  return size;
}

[[noreturn]] void fail_short(const std::string& path, int64_t offset, int64_t bytes) {
  throw Error("ERR_CHECKPOINT",
              text(path, " ends early: ", bytes, " bytes were expected at offset ", offset, "."));
}

/// Bytes of a tensor, which the file was found to have: no memory is taken for a shape that it cannot fill.
int64_t checked_bytes(const TensorSpan& span, int64_t file_bytes, const std::string& path) {
  auto bytes = static_cast<int64_t>(c10::elementSize(span.dtype));
  int64_t stride = 1;  // as LibTorch counts: empty sides as 1
  bool possible = span.offset >= 0;
  for (const int64_t side : span.shape) {
    possible = possible && side >= 0 && !c10::mul_overflows(bytes, side, &bytes) &&
               !c10::mul_overflows(stride, std::max<int64_t>(side, 1), &stride);
  }
  require(possible, "ERR_CHECKPOINT", path, " has a tensor of an impossible shape or place.");
  if (span.offset > file_bytes || bytes > file_bytes - span.offset) fail_short(path, span.offset, bytes);
  return bytes;
}

File open_to_read(const std::string& path) {
  File file(std::fopen(path.c_str(), "rb"));
  if (!file) fail("open", path, errno);
  return file;
}

/// @param bytes from `checked_bytes`
void read_span(std::FILE* file, const TensorSpan& span, int64_t bytes, unsigned char* data,
               const std::string& path) {
  seek(file, span.offset, SEEK_SET, path);
  const auto count = static_cast<size_t>(bytes);
  if (bytes > 0 && std::fread(data, 1, count, file) != count) fail_short(path, span.offset, bytes);
  require(span.dtype != at::kBool || std::all_of(data, data + bytes, [](unsigned char b) { return b <= 1; }),
          "ERR_CHECKPOINT", path, " has a boolean that is neither 0 nor 1 behind offset ", span.offset, ".");
}

}  // namespace

std::vector<at::Tensor> snapshot_tensors(const std::vector<at::Tensor>& tensors) {
  at::NoGradGuard no_grad;
  std::vector<at::Tensor> copies;
  copies.reserve(tensors.size());
  for (const auto& tensor : tensors) {
    at::Tensor copy = at::empty(tensor.sizes(), at::dtype(tensor.scalar_type()));
    copy.copy_(tensor);
    copies.push_back(std::move(copy));
  }
  return copies;
}

void write_tensor_file(const std::string& path, const void* header, size_t header_bytes,
                       const std::vector<at::Tensor>& tensors) {
  File file(std::fopen(path.c_str(), "wb"));
  if (!file) fail("create", path, errno);
  try {
    write_contents(file.get(), path, header, header_bytes, tensors);
    if (std::fclose(file.release()) != 0) fail("write", path, errno);
  } catch (...) {
    file.reset();
    std::remove(path.c_str());
    throw;
  }
}

std::vector<at::Tensor> read_tensor_file(const std::string& path, const std::vector<TensorSpan>& spans) {
  const File file = open_to_read(path);
  const int64_t size = size_of(file.get(), path);
  std::vector<at::Tensor> tensors;
  tensors.reserve(spans.size());
  for (const auto& span : spans) {
    const int64_t bytes = checked_bytes(span, size, path);
    at::Tensor tensor = at::empty(span.shape, at::dtype(span.dtype));
    read_span(file.get(), span, bytes, static_cast<unsigned char*>(tensor.mutable_data_ptr()), path);
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

at::Tensor read_tensor_rows(at::ScalarType dtype, const std::vector<int64_t>& shape,
                            const std::vector<RowsOfFile>& pieces) {
  struct Piece {
    TensorSpan span;
    File file;
    int64_t bytes;
  };
  std::vector<Piece> found;
  int64_t rows = 0;
  for (const auto& [path, offset, count] : pieces) {
    Piece piece{{offset, dtype, shape}, open_to_read(path), 0};
    if (!shape.empty()) piece.span.shape[0] = count;
    piece.bytes = checked_bytes(piece.span, size_of(piece.file.get(), path), path);
    require(!c10::add_overflows(rows, count, &rows), "ERR_CHECKPOINT", path, " has too many rows.");
    found.push_back(std::move(piece));
  }
  const int64_t wanted = shape.empty() ? 1 : shape[0];
  require(rows == wanted, "ERR_ARGUMENT", "Expected ", wanted, " rows but received pieces of ", rows, ".");
  at::Tensor tensor = at::empty(shape, at::dtype(dtype));
  auto* data = static_cast<unsigned char*>(tensor.mutable_data_ptr());
  for (size_t i = 0; i < found.size(); ++i) {
    read_span(found[i].file.get(), found[i].span, found[i].bytes, data, pieces[i].path);
    data += found[i].bytes;
  }
  return tensor;
}

}  // namespace kappa
