#include "io/io_js.h"

#include "io/tensor_file.h"
#include "runtime/call.h"

namespace kappa {

template <>
struct Fields<TensorSpan> {
  static constexpr const char* name = "TensorSpan";
  static constexpr std::tuple list{Field{"offset", &TensorSpan::offset}, Field{"dtype", &TensorSpan::dtype},
                                   Field{"shape", &TensorSpan::shape}};
};

template <>
struct Fields<RowsOfFile> {
  static constexpr const char* name = "RowsOfFile";
  static constexpr std::tuple list{Field{"path", &RowsOfFile::path}, Field{"offset", &RowsOfFile::offset},
                                   Field{"rows", &RowsOfFile::rows}};
};

void register_io(Registry& registry) {
  registry.async("snapshotTensors", {"tensors"},
                 [](const std::vector<at::Tensor>& tensors) { return snapshot_tensors(tensors); });
  registry.async(
      "writeTensorFile", {"path", "header", "tensors"},
      [](const std::string& path, const ByteArray& header, const std::vector<at::Tensor>& tensors) {
        write_tensor_file(path, header.data(), header.bytes(), tensors);
      });
  registry.background(
      "writeTensorFileAside", {"path", "header", "tensors"},
      [](const std::string& path, const ByteArray& header, const std::vector<at::Tensor>& tensors) {
        // To bring them into that form would be work for LibTorch.
        for (const auto& tensor : tensors) {
          require(tensor.is_cpu() && tensor.is_contiguous(), "ERR_ARGUMENT",
                  "Expected contiguous tensors in the memory of the CPU, as snapshotTensors gives them.");
        }
        write_tensor_file(path, header.data(), header.bytes(), tensors);
      });
  registry.async("readTensorFile", {"path", "spans"},
                 [](const std::string& path, const std::vector<TensorSpan>& spans) {
                   return read_tensor_file(path, spans);
                 });
  registry.async(
      "readTensorRows", {"dtype", "shape", "pieces"},
      [](at::ScalarType dtype, const std::vector<int64_t>& shape, const std::vector<RowsOfFile>& pieces) {
        return read_tensor_rows(dtype, shape, pieces);
      });
}

}  // namespace kappa
