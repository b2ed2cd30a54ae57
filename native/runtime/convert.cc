#include "runtime/convert.h"

#include <ATen/ATen.h>

#include <cmath>
#include <cstring>

namespace kappa {
namespace {

struct DtypeName {
  at::ScalarType dtype;
  const char* name;
};

constexpr DtypeName dtype_names[] = {
    {at::kFloat, "float32"}, {at::kDouble, "float64"}, {at::kBFloat16, "bfloat16"}, {at::kHalf, "float16"},
    {at::kLong, "int64"},    {at::kInt, "int32"},      {at::kByte, "uint8"},        {at::kBool, "bool"},
};

at::ScalarType dtype_of(napi_typedarray_type type) {
  switch (type) {
    case napi_float32_array:
      return at::kFloat;
    case napi_float64_array:
      return at::kDouble;
    case napi_bigint64_array:
      return at::kLong;
    case napi_int32_array:
      return at::kInt;
    case napi_uint16_array:
      return at::kBFloat16;
    case napi_uint8_array:
    case napi_uint8_clamped_array:
      return at::kByte;
    default:
      throw Error(
          "ERR_DTYPE",
          "Expected a Float32Array, Float64Array, BigInt64Array, Int32Array, Uint16Array or Uint8Array.");
  }
}

napi_typedarray_type array_type_of(at::ScalarType dtype) {
  switch (dtype) {
    case at::kFloat:
      return napi_float32_array;
    case at::kDouble:
      return napi_float64_array;
    case at::kLong:
      return napi_bigint64_array;
    case at::kInt:
      return napi_int32_array;
    case at::kByte:
    case at::kBool:
      return napi_uint8_array;
    default:
      throw Error("ERR_DTYPE", text("Elements of type ", dtype_name(dtype), " have no TypedArray."));
  }
}

/// A TypedArray as it is now; none of it holds once the event loop goes on.
struct JsArray {
  void* data = nullptr;
  size_t bytes = 0;
  at::ScalarType dtype = at::kByte;
  bool is_shared = false;
};

JsArray read_array(const Context& context, Napi::Value value) {
  require(value.IsTypedArray(), "ERR_ARGUMENT", "Expected a TypedArray.");
  napi_typedarray_type type{};
  size_t length = 0;
  size_t offset = 0;
  napi_value buffer = nullptr;
  JsArray array;
  require(
      napi_get_typedarray_info(context.env, value, &type, &length, &array.data, &buffer, &offset) == napi_ok,
      "ERR_ARGUMENT", "The TypedArray cannot be read.");
  array.dtype = dtype_of(type);
  array.bytes = length * at::elementSize(array.dtype);
  bool is_plain = true;
  napi_is_arraybuffer(context.env, buffer, &is_plain);
  array.is_shared = !is_plain;
  return array;
}

}  // namespace

at::ScalarType dtype_from_name(const std::string& name) {
  for (const auto& entry : dtype_names) {
    if (name == entry.name) return entry.dtype;
  }
  throw Error("ERR_DTYPE",
              text("Unknown dtype '", name,
                   "': expected float32, float64, bfloat16, float16, int64, int32, uint8 or bool."));
}

const char* dtype_name(at::ScalarType dtype) {
  for (const auto& entry : dtype_names) {
    if (dtype == entry.dtype) return entry.name;
  }
  return c10::toString(dtype);
}

void track_tensor(Box<at::Tensor>& box) {
  box.environment->unreported_bytes += box.environment->live_tensors.add(box.value);
}

void dispose_box(Box<at::Tensor>& box) noexcept {
  if (!box.value.defined()) return;
  box.environment->unreported_bytes -= box.environment->live_tensors.remove(box.value);
  release_later(std::move(box.value));
  box.value = at::Tensor();
}

double FromJs<double>::get(const Context&, Napi::Value value) {
  require(value.IsNumber(), "ERR_ARGUMENT", "Expected a number.");
  return value.As<Napi::Number>().DoubleValue();
}

int64_t FromJs<int64_t>::get(const Context&, Napi::Value value) {
  if (value.IsBigInt()) {
    bool lossless = false;
    int64_t result = value.As<Napi::BigInt>().Int64Value(&lossless);
    require(lossless, "ERR_ARGUMENT", "Expected an integer of at most 64 bits.");
    return result;
  }
  require(value.IsNumber(), "ERR_ARGUMENT", "Expected an integer.");
  double number = value.As<Napi::Number>().DoubleValue();
  require(std::isfinite(number) && number == std::floor(number) && std::fabs(number) <= 9007199254740992.0,
          "ERR_ARGUMENT", "Expected an integer but received ", number, ".");
  return static_cast<int64_t>(number);
}

bool FromJs<bool>::get(const Context&, Napi::Value value) {
  require(value.IsBoolean(), "ERR_ARGUMENT", "Expected true or false.");
  return value.As<Napi::Boolean>().Value();
}

std::string FromJs<std::string>::get(const Context&, Napi::Value value) {
  require(value.IsString(), "ERR_ARGUMENT", "Expected a string.");
  return value.As<Napi::String>().Utf8Value();
}

FromJs<at::Tensor>::Stored FromJs<at::Tensor>::get(const Context& context, Napi::Value value) {
  if (context.queued && value.IsPromise()) {
    return context.environment->pending_tensors->find(context.env, value);
  }
  const auto& box = unbox<at::Tensor>(value);
  require(box.value.defined(), "ERR_DISPOSED", "This tensor has been disposed.");
  return box.value;
}

at::Tensor FromJs<at::Tensor>::take(Stored&& stored) {
  if (auto* tensor = std::get_if<at::Tensor>(&stored)) return std::move(*tensor);
  // The queue is first in, first out: that call has run.
  const PendingTensor& pending = *std::get<std::shared_ptr<PendingTensor>>(stored);
  if (pending.error) std::rethrow_exception(pending.error);
  return pending.value;
}

FromJs<Operand>::Stored FromJs<Operand>::get(const Context& context, Napi::Value value) {
  if (value.IsNumber()) return value.As<Napi::Number>().DoubleValue();
  return FromJs<at::Tensor>::get(context, value);
}

Operand FromJs<Operand>::take(Stored&& stored) {
  if (const double* number = std::get_if<double>(&stored)) return {at::Tensor(), *number};
  return {FromJs<at::Tensor>::take(std::move(std::get<FromJs<at::Tensor>::Stored>(stored))), 0};
}

HostBytes FromJs<HostBytes>::get(const Context& context, Napi::Value value) {
  const JsArray array = read_array(context, value);
  HostBytes result{at::empty({static_cast<int64_t>(array.bytes)}, at::kByte), array.dtype};
  if (array.bytes > 0) std::memcpy(result.content.mutable_data_ptr(), array.data, array.bytes);
  return result;
}

SharedBytes FromJs<SharedBytes>::get(const Context& context, Napi::Value value) {
  const JsArray array = read_array(context, value);
  if (!array.is_shared || array.bytes == 0) return {FromJs<HostBytes>::get(context, value)};
  auto hold = std::make_shared<JsHold>(context.environment, value.As<Napi::Object>());
  return {{at::from_blob(
               array.data, {static_cast<int64_t>(array.bytes)}, [hold](void*) mutable { hold.reset(); },
               at::dtype(at::kByte)),
           array.dtype}};
}

at::ScalarType FromJs<at::ScalarType>::get(const Context& context, Napi::Value value) {
  return dtype_from_name(FromJs<std::string>::get(context, value));
}

at::Device FromJs<at::Device>::get(const Context& context, Napi::Value value) {
  std::string name = FromJs<std::string>::get(context, value);
  try {
    return at::Device(name);
  } catch (const std::exception&) {
    throw Error("ERR_DEVICE", text("Unknown device '", name, "': expected cpu, cuda or cuda:N."));
  }
}

Napi::Value ToJs<double>::make(const Context& context, double&& value) {
  return Napi::Number::New(context.env, value);
}

Napi::Value ToJs<int64_t>::make(const Context& context, int64_t&& value) {
  return Napi::Number::New(context.env, static_cast<double>(value));
}

Napi::Value ToJs<bool>::make(const Context& context, bool&& value) {
  return Napi::Boolean::New(context.env, value);
}

Napi::Value ToJs<std::string>::make(const Context& context, std::string&& value) {
  return Napi::String::New(context.env, value);
}

Napi::Value ToJs<at::Tensor>::make(const Context& context, at::Tensor&& value) {
  return make_handle(context.env, context.environment, std::move(value));
}

Napi::Value ToJs<HostArray>::make(const Context& context, HostArray&& value) {
  const napi_typedarray_type type = array_type_of(value.tensor.scalar_type());
  const size_t bytes = value.tensor.nbytes();
  napi_value buffer = nullptr;
  if (bytes > 0) {
    auto owner = std::make_unique<at::Tensor>(value.tensor);
    napi_status status = napi_create_external_arraybuffer(
        context.env, value.tensor.data_ptr(), bytes,
        [](napi_env, void*, void* hint) {
          std::unique_ptr<at::Tensor> tensor(static_cast<at::Tensor*>(hint));
          release_later(std::move(*tensor));
        },
        owner.get(), &buffer);
    if (status == napi_ok) {
      (void)owner.release();
    } else {
      buffer = nullptr;  // this runtime allows no external buffers: copy
    }
  }
  if (buffer == nullptr) {
    void* data = nullptr;
    require(napi_create_arraybuffer(context.env, bytes, &data, &buffer) == napi_ok, "ERR_OUT_OF_MEMORY",
            "Not enough memory for an array of ", bytes, " bytes.");
    if (bytes > 0) std::memcpy(data, value.tensor.data_ptr(), bytes);
  }
  napi_value array = nullptr;
  require(napi_create_typedarray(context.env, type, static_cast<size_t>(value.tensor.numel()), buffer, 0,
                                 &array) == napi_ok,
          "ERR_INTERNAL", "A TypedArray could not be made.");
  return Napi::Value(context.env, array);
}

}  // namespace kappa
