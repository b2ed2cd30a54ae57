#include "io/tensor_file.h"

#include <ATen/ATen.h>

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
  if (fsync(fileno(file)) != 0) fail("write", path, errno);
#endif
}

}  // namespace

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
  File file(std::fopen(path.c_str(), "rb"));
  if (!file) fail("open", path, errno);
  std::vector<at::Tensor> tensors;
  tensors.reserve(spans.size());
  for (const auto& span : spans) {
    at::Tensor tensor = at::empty(span.shape, at::dtype(span.dtype));
    const auto bytes = static_cast<size_t>(tensor.numel()) * tensor.element_size();
#ifdef _WIN32
    const int moved = _fseeki64(file.get(), span.offset, SEEK_SET);
#else
    const int moved = fseeko(file.get(), static_cast<off_t>(span.offset), SEEK_SET);
#endif
    if (moved != 0) fail("read", path, errno);
    if (bytes > 0 && std::fread(tensor.mutable_data_ptr(), 1, bytes, file.get()) != bytes) {
      throw Error("ERR_CHECKPOINT",
                  text(path, " ends early: ", bytes, " bytes were expected at offset ", span.offset, "."));
    }
    tensors.push_back(std::move(tensor));
  }
  return tensors;
}

}  // namespace kappa
