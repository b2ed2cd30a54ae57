#include "runtime/convert.h"

#include <ATen/ATen.h>

#include <cmath>
#include <cstring>
#include <iterator>
#include <set>

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

struct ArrayType {
  napi_typedarray_type type;
  at::ScalarType dtype;
  const char* name;
};

/// Arrays that carry elements, and what these are by themselves.
constexpr ArrayType array_types[] = {
    {napi_float32_array, at::kFloat, "Float32Array"},
    {napi_float64_array, at::kDouble, "Float64Array"},
    {napi_bigint64_array, at::kLong, "BigInt64Array"},
    {napi_int32_array, at::kInt, "Int32Array"},
    {napi_uint8_array, at::kByte, "Uint8Array"},
    {napi_uint8_clamped_array, at::kByte, "Uint8ClampedArray"},
    {napi_uint16_array, at::kBFloat16, "Uint16Array"},
};
/// So many of them, from the first, also come out of the addon.
constexpr size_t output_types = 5;

std::string names_of_arrays(size_t count, const char* between) {
  std::string names;
  for (const ArrayType& array : std::span(array_types).first(count)) {
    names += text(names.empty() ? "" : between, array.name);
  }
  return names;
}

at::ScalarType dtype_of(napi_typedarray_type type) {
  for (const ArrayType& array : array_types) {
    if (array.type == type) return array.dtype;
  }
  throw Error("ERR_DTYPE", text("Expected one of ", names_of_arrays(std::size(array_types), ", "), "."));
}

napi_typedarray_type array_type_of(at::ScalarType dtype) {
  if (dtype == at::kBool) return napi_uint8_array;
  for (const ArrayType& array : std::span(array_types).first(output_types)) {
    if (array.dtype == dtype) return array.type;
  }
  throw Error("ERR_DTYPE", text("Elements of type ", dtype_name(dtype), " have no TypedArray."));
}

/// A TypedArray as it is now; none of it holds once the event loop goes on.
struct JsArray {
  void* data = nullptr;
  size_t bytes = 0;
  at::ScalarType dtype = at::kByte;
  bool is_shared = false;
};

JsArray read_array(const Context& context, Napi::Value value) {
  require(value.IsTypedArray(), "ERR_ARGUMENT", "Expected a TypedArray but received ", kind_of(value), ".");
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

std::string kind_of(Napi::Value value) {
  if (value.IsUndefined()) return "undefined";
  if (value.IsNull()) return "null";
  if (value.IsString()) return "a string";
  if (value.IsNumber()) return "a number";
  if (value.IsBoolean()) return "a boolean";
  if (value.IsBigInt()) return "a bigint";
  if (value.IsFunction()) return "a function";
  if (value.IsArray()) return "an array";
  return "an object";
}

Napi::Object require_fields(Napi::Value value, const char* type, std::span<const char* const> fields) {
  const bool is_plain = value.IsObject() && !value.IsFunction() && !value.IsArray();
  require(is_plain, "ERR_ARGUMENT", type, ": Expected an object but received ", kind_of(value), ".");
  napi_value keys = nullptr;
  const auto filter = static_cast<napi_key_filter>(napi_key_enumerable | napi_key_skip_symbols);
  require(napi_get_all_property_names(value.Env(), value, napi_key_own_only, filter,
                                      napi_key_numbers_to_strings, &keys) == napi_ok,
          "ERR_ARGUMENT", type, ": The object has no fields that can be read.");
  const Napi::Array array(value.Env(), keys);
  std::set<std::string> found;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    found.insert(Napi::Value(array.Get(i)).As<Napi::String>().Utf8Value());
  }
  for (const char* field : fields) {
    require(found.erase(field) > 0, "ERR_ARGUMENT", type, ": The field '", field, "' is missing.");
  }
  require(found.empty(), "ERR_ARGUMENT", type, ": Unknown field '",
          found.empty() ? std::string() : *found.begin(), "'.");
  return value.As<Napi::Object>();
}

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
  require(value.IsNumber(), "ERR_ARGUMENT", "Expected a number but received ", kind_of(value), ".");
  return value.As<Napi::Number>().DoubleValue();
}

int64_t FromJs<int64_t>::get(const Context&, Napi::Value value) {
  if (value.IsBigInt()) {
    bool lossless = false;
    int64_t result = value.As<Napi::BigInt>().Int64Value(&lossless);
    require(lossless, "ERR_ARGUMENT", "Expected an integer of at most 64 bits.");
    return result;
  }
  require(value.IsNumber(), "ERR_ARGUMENT", "Expected an integer but received ", kind_of(value), ".");
  double number = value.As<Napi::Number>().DoubleValue();
  require(std::isfinite(number) && number == std::floor(number) && std::fabs(number) <= 9007199254740992.0,
          "ERR_ARGUMENT", "Expected an integer but received ", number, ".");
  return static_cast<int64_t>(number);
}

bool FromJs<bool>::get(const Context&, Napi::Value value) {
  require(value.IsBoolean(), "ERR_ARGUMENT", "Expected true or false but received ", kind_of(value), ".");
  return value.As<Napi::Boolean>().Value();
}

std::string FromJs<std::string>::get(const Context&, Napi::Value value) {
  require(value.IsString(), "ERR_ARGUMENT", "Expected a string but received ", kind_of(value), ".");
  return value.As<Napi::String>().Utf8Value();
}

FromJs<at::Tensor>::Stored FromJs<at::Tensor>::get(const Context& context, Napi::Value value) {
  if (context.queued && value.IsPromise()) {
    return context.environment->pending_tensors->find(context.env, value);
  }
  require(!value.IsPromise(), "ERR_ARGUMENT",
          "Expected a native tensor but received a promise: this call waits for no other, await the promise "
          "first.");
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

ByteArray FromJs<ByteArray>::get(const Context& context, Napi::Value value) {
  ByteArray bytes{FromJs<SharedBytes>::get(context, value)};
  require(bytes.dtype == at::kByte, "ERR_ARGUMENT", "Expected a Uint8Array.");
  return bytes;
}

ErrorClass FromJs<ErrorClass>::get(const Context&, Napi::Value value) {
  require(value.IsFunction(), "ERR_ARGUMENT", "Expected the error class but received ", kind_of(value), ".");
  return {value.As<Napi::Function>()};
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

namespace {
std::string dtype_type(TypeNames& names) {
  std::string union_of;
  for (const auto& entry : dtype_names) {
    union_of += text(union_of.empty() ? "" : " | ", "'", entry.name, "'");
  }
  return names.add("DType", union_of);
}
}  // namespace

std::string FromJs<double>::type(TypeNames&, bool) { return "number"; }
std::string FromJs<int64_t>::type(TypeNames&, bool) { return "number"; }
std::string FromJs<bool>::type(TypeNames&, bool) { return "boolean"; }
std::string FromJs<std::string>::type(TypeNames&, bool) { return "string"; }
std::string FromJs<at::Device>::type(TypeNames&, bool) { return "string"; }
std::string FromJs<at::ScalarType>::type(TypeNames& names, bool) { return dtype_type(names); }
std::string FromJs<ByteArray>::type(TypeNames&, bool) { return "Uint8Array"; }
std::string FromJs<ErrorClass>::type(TypeNames& names, bool) {
  return names.add("ErrorClass", "new (code: never, message: string) => Error");
}
std::string FromJs<HostBytes>::type(TypeNames& names, bool) {
  return names.add("HostElements", names_of_arrays(std::size(array_types), " | "));
}
std::string FromJs<SharedBytes>::type(TypeNames& names, bool queued) {
  return FromJs<HostBytes>::type(names, queued);
}

std::string FromJs<at::Tensor>::type(TypeNames& names, bool queued) {
  const std::string handle = handle_type<at::Tensor>(names);
  return queued ? names.add("TensorInput", text(handle, " | Promise<", handle, ">")) : handle;
}

std::string FromJs<Operand>::type(TypeNames& names, bool queued) {
  return names.add("Operand", FromJs<at::Tensor>::type(names, queued) + " | number");
}

std::string ToJs<double>::type(TypeNames&) { return "number"; }
std::string ToJs<int64_t>::type(TypeNames&) { return "number"; }
std::string ToJs<bool>::type(TypeNames&) { return "boolean"; }
std::string ToJs<std::string>::type(TypeNames&) { return "string"; }
std::string ToJs<at::ScalarType>::type(TypeNames& names) { return dtype_type(names); }
std::string ToJs<at::Tensor>::type(TypeNames& names) { return handle_type<at::Tensor>(names); }
std::string ToJs<HostArray>::type(TypeNames& names) {
  return names.add("HostArray", names_of_arrays(output_types, " | "));
}

Napi::Value ToJs<at::ScalarType>::make(const Context& context, at::ScalarType&& value) {
  return Napi::String::New(context.env, dtype_name(value));
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
