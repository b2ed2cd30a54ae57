#include "io/io_js.h"

#include "io/tensor_file.h"
#include "runtime/call.h"

namespace kappa {

void register_io(Registry& registry) {
  registry.async("writeTensorFile", [](const std::string& path, const HostBytes& header,
                                       const std::vector<at::Tensor>& tensors) {
    write_tensor_file(path, header.data(), header.bytes(), tensors);
  });
  registry.async("readTensorFile", [](const std::string& path, const std::vector<int64_t>& offsets,
                                      const std::vector<at::ScalarType>& dtypes,
                                      const std::vector<std::vector<int64_t>>& shapes) {
    require(offsets.size() == dtypes.size() && offsets.size() == shapes.size(), "ERR_ARGUMENT",
            "Expected an offset, a dtype and a shape for each tensor.");
    std::vector<TensorSpan> spans;
    for (size_t i = 0; i < offsets.size(); ++i) spans.push_back({offsets[i], dtypes[i], shapes[i]});
    return read_tensor_file(path, spans);
  });
}

}  // namespace kappa
