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

void register_io(Registry& registry) {
  registry.async(
      "writeTensorFile", {"path", "header", "tensors"},
      [](const std::string& path, const ByteArray& header, const std::vector<at::Tensor>& tensors) {
        write_tensor_file(path, header.data(), header.bytes(), tensors);
      });
  registry.async("readTensorFile", {"path", "spans"},
                 [](const std::string& path, const std::vector<TensorSpan>& spans) {
                   return read_tensor_file(path, spans);
                 });
}

}  // namespace kappa
