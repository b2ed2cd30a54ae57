// Reads tensors at any place and of any shape from any file: either the bytes that stand there, or
// ERR_CHECKPOINT.
#include <ATen/ATen.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>

#include "io/tensor_file.h"
#include "runtime/error.h"
#include "test/fuzz.h"

namespace {

constexpr std::array kDtypes = {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf,
                                at::kLong,  at::kInt,    at::kByte,     at::kBool};
constexpr size_t kMaxSpans = 4;
constexpr size_t kMaxRank = 4;

/// Takes numbers from the front of an input; zeros where it has ended.
class Reader {
 public:
  Reader(const uint8_t* data, size_t size) : data_(data), size_(size) {}

  uint8_t byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }

  /// One byte says how many bytes the number has: small ones are as likely as extremes.
  int64_t number() {
    uint64_t value = 0;
    const int bytes = byte() % 9;
    for (int i = 0; i < bytes; ++i) value |= uint64_t{byte()} << (8 * i);
    return static_cast<int64_t>(value);
  }

  const uint8_t* rest() const { return data_; }
  size_t left() const { return size_; }

 private:
  const uint8_t* data_;
  size_t size_;
};

const std::string& path() {
  static const std::string file =
      (std::filesystem::temp_directory_path() / ("kappa-fuzz-" + std::to_string(getpid()))).string();
  return file;
}

void write(const uint8_t* data, size_t size) {
  std::FILE* file = std::fopen(path().c_str(), "wb");
  const bool written = file && (size == 0 || std::fwrite(data, 1, size, file) == size);
  if (!written || std::fclose(file) != 0) {
    std::perror(path().c_str());
    std::_Exit(2);
  }
}

void must(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what);
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Reader reader(data, size);
  std::vector<kappa::TensorSpan> spans(reader.byte() % (kMaxSpans + 1));
  for (auto& span : spans) {
    span.dtype = kDtypes[reader.byte() % kDtypes.size()];
    span.offset = reader.number();
    span.shape.resize(reader.byte() % (kMaxRank + 1));
    for (auto& side : span.shape) side = reader.number();
  }
  write(reader.rest(), reader.left());
  try {
    const auto tensors = kappa::read_tensor_file(path(), spans);
    must(tensors.size() == spans.size(), "a tensor is missing");
    for (size_t i = 0; i < tensors.size(); ++i) {
      must(tensors[i].sizes() == at::IntArrayRef(spans[i].shape), "a tensor has another shape");
      must(tensors[i].nbytes() <= reader.left(), "a tensor is larger than the file");
      must(tensors[i].nbytes() == 0 || std::memcmp(tensors[i].const_data_ptr(),
                                                   reader.rest() + spans[i].offset, tensors[i].nbytes()) == 0,
           "a tensor has other bytes than the file");
    }
  } catch (const kappa::Error& error) {
    must(std::string(error.code()) == "ERR_CHECKPOINT", error.what());
  } catch (const std::exception& error) {
    must(false, error.what());
  }
  return 0;
}
