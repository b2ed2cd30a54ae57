// The addon of the decode workers. Each thread that loads it has a workshop of its own. It needs no LibTorch,
// and so it is what opens LibTorch for the other addon.
#include <napi.h>

#ifndef _WIN32
#include <dlfcn.h>
#endif

#include <array>
#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pixels/kernels.h"
#include "pixels/workshop.h"

namespace {

using kappa::pixels::Filter;
using kappa::pixels::Place;
using kappa::pixels::Size;
using kappa::pixels::Workshop;

// As in lib/image: of a larger image nothing here is asked.
constexpr uint32_t max_side = 1 << 14;
constexpr size_t max_taps = 1 << 12;

/// The arguments of a call, checked as they are taken.
class Arguments {
 public:
  explicit Arguments(const Napi::CallbackInfo& info) : info_(info) {}

  double number() {
    const Napi::Value value = next();
    if (!value.IsNumber()) fail("a number");
    const double number = value.As<Napi::Number>().DoubleValue();
    if (!(number > -1e9 && number < 1e9)) fail("a number of moderate size");
    return number;
  }

  uint32_t integer(uint32_t low, uint32_t high) {
    const double value = number();
    if (!(value >= low && value <= high) || value != static_cast<uint32_t>(value)) {
      fail("a whole number from " + std::to_string(low) + " to " + std::to_string(high));
    }
    return static_cast<uint32_t>(value);
  }

  template <class T>
  std::span<T> array(napi_typedarray_type type, const char* what) {
    const Napi::Value value = next();
    if (!value.IsTypedArray()) fail(what);
    napi_typedarray_type found;
    size_t length = 0;
    void* data = nullptr;
    if (napi_get_typedarray_info(info_.Env(), value, &found, &length, &data, nullptr, nullptr) != napi_ok ||
        found != type) {
      fail(what);
    }
    return {static_cast<T*>(data), length};
  }

  Size size() {
    const uint32_t height = integer(1, max_side);
    return {height, integer(1, max_side)};
  }

  /// The bytes of an image, and after them its height and width.
  uint8_t* image(Size& size) {
    const std::span<uint8_t> bytes = array<uint8_t>(napi_uint8_array, "a Uint8Array");
    size = this->size();
    if (bytes.size() != size.bytes()) {
      fail(std::to_string(size.bytes()) + " bytes for an image of that size, not " +
           std::to_string(bytes.size()));
    }
    return bytes.data();
  }

  std::span<const double> weights() {
    const std::span<double> found = array<double>(napi_float64_array, "a Float64Array");
    if (found.empty() || found.size() > max_taps) fail("1 to " + std::to_string(max_taps) + " weights");
    return found;
  }

  Filter filter() { return static_cast<Filter>(integer(0, 3)); }

  std::string text() {
    const Napi::Value value = next();
    if (!value.IsString()) fail("a string");
    return value.As<Napi::String>().Utf8Value();
  }

  [[noreturn]] void fail(const std::string& expected) const {
    throw Napi::TypeError::New(info_.Env(), "Argument " + std::to_string(at_) +
                                                " of a function of pixels: expected " + expected + ".");
  }

 private:
  Napi::Value next() { return info_[at_++]; }

  const Napi::CallbackInfo& info_;
  size_t at_ = 0;
};

using Function = Napi::Value (*)(Workshop&, Arguments&, Napi::Env);

/// Calls a function; whatever it throws becomes an error of JavaScript.
template <Function function>
Napi::Value guarded(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  try {
    Arguments arguments(info);
    return function(*env.GetInstanceData<Workshop>(), arguments, env);
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Napi::Error::New(env, error.what());
  }
}

template <void (Workshop::*change)(uint8_t*, Size, double) const>
Napi::Value by_factor(Workshop& workshop, Arguments& arguments, Napi::Env env) {
  Size size;
  uint8_t* image = arguments.image(size);
  (workshop.*change)(image, size, arguments.number());
  return env.Undefined();
}

Napi::Value crop(Workshop& workshop, Arguments& arguments, Napi::Env env) {
  Size size;
  uint8_t* image = arguments.image(size);
  const uint32_t left = arguments.integer(0, static_cast<uint32_t>(size.width - 1));
  const uint32_t top = arguments.integer(0, static_cast<uint32_t>(size.height - 1));
  const uint32_t width = arguments.integer(1, static_cast<uint32_t>(size.width - left));
  const uint32_t height = arguments.integer(1, static_cast<uint32_t>(size.height - top));
  workshop.crop(image, size, {left, top, width, height});
  return env.Undefined();
}

Napi::Value resize(Workshop& workshop, Arguments& arguments, Napi::Env env) {
  Size from;
  Size to;
  const uint8_t* source = arguments.image(from);
  uint8_t* target = arguments.image(to);
  const Filter filter = arguments.filter();
  if (source < target + to.bytes() && target < source + from.bytes())
    arguments.fail("images that do not overlap");
  workshop.resize(source, from, target, to, filter);
  return env.Undefined();
}

Napi::Value low_resolution(Workshop& workshop, Arguments& arguments, Napi::Env env) {
  Size size;
  uint8_t* image = arguments.image(size);
  const Size small = arguments.size();
  const Filter down = arguments.filter();
  workshop.low_resolution(image, size, small, down, arguments.filter());
  return env.Undefined();
}

Napi::Value blur(Workshop& workshop, Arguments& arguments, Napi::Env env) {
  Size size;
  uint8_t* image = arguments.image(size);
  const std::span<const double> weights = arguments.weights();
  if (weights.size() % 2 == 0) arguments.fail("an odd number of weights");
  workshop.blur(image, size, weights);
  return env.Undefined();
}

Napi::Value convolve(Workshop& workshop, Arguments& arguments, Napi::Env env) {
  Size size;
  uint8_t* image = arguments.image(size);
  const uint32_t side = 2 * arguments.integer(0, 128) + 1;
  const std::span<const double> weights = arguments.weights();
  const std::span<uint32_t> found = arguments.array<uint32_t>(napi_uint32_array, "a Uint32Array");
  if (found.size() != weights.size()) arguments.fail("as many places as weights");
  std::vector<Place> places;
  places.reserve(found.size());
  for (const uint32_t place : found) {
    if (place >= side * side) arguments.fail("places within the kernel");
    places.push_back({place / side, place % side});
  }
  workshop.convolve(image, size, side / 2, places, weights);
  return env.Undefined();
}

Napi::Value instruction_sets(Workshop&, Arguments&, Napi::Env env) {
  const std::vector<std::string_view> names = kappa::pixels::instruction_sets();
  const Napi::Array result = Napi::Array::New(env, names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    result.Set(static_cast<uint32_t>(i), Napi::String::New(env, names[i].data(), names[i].size()));
  }
  return result;
}

Napi::Value instruction_set(Workshop&, Arguments&, Napi::Env env) {
  return Napi::String::New(env, kappa::pixels::kernels().name);
}

Napi::Value use_instruction_set(Workshop&, Arguments& arguments, Napi::Env env) {
  if (!kappa::pixels::use_instruction_set(arguments.text())) {
    arguments.fail("the name of an instruction set that this processor has");
  }
  return env.Undefined();
}

#ifndef _WIN32
/// Opens a shared library for the rest of the process. Who needs it by its name finds it from then on,
/// wherever it lies.
Napi::Value open_library(Workshop&, Arguments& arguments, Napi::Env env) {
  const std::string path = arguments.text();
  if (dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL) == nullptr) {
    const char* reason = dlerror();
    throw Napi::Error::New(env, reason == nullptr ? path + " cannot be opened" : reason);
  }
  return env.Undefined();
}
#endif

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Workshop());
  const auto add = [&](const char* name, Napi::Value (*function)(const Napi::CallbackInfo&)) {
    exports.Set(name, Napi::Function::New(env, function, name));
  };
  add("brightness", guarded<by_factor<&Workshop::brightness>>);
  add("contrast", guarded<by_factor<&Workshop::contrast>>);
  add("saturation", guarded<by_factor<&Workshop::saturation>>);
  add("crop", guarded<crop>);
  add("resize", guarded<resize>);
  add("lowResolution", guarded<low_resolution>);
  add("blur", guarded<blur>);
  add("convolve", guarded<convolve>);
  add("instructionSets", guarded<instruction_sets>);
  add("instructionSet", guarded<instruction_set>);
  add("useInstructionSet", guarded<use_instruction_set>);
#ifndef _WIN32
  add("openLibrary", guarded<open_library>);
#endif
  return exports;
}

}  // namespace

NODE_API_MODULE(kappaface_pixels, initialize)
