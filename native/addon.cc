#include <napi.h>

#include "concentration/concentration_js.h"
#include "distributed/distributed_js.h"
#include "eval/eval_js.h"
#include "head/head_js.h"
#include "io/io_js.h"
#include "nn/nn_js.h"
#include "optim/optim_js.h"
#include "runtime/call.h"
#include "runtime/cuda_js.h"
#include "runtime/settings_js.h"
#include "tensor/tensor_js.h"

namespace {

Napi::Object initialize(Napi::Env env, Napi::Object exports) {
  try {
    kappa::Environment::create(env);
    kappa::Registry registry(exports);
    kappa::register_settings(registry);
    kappa::register_cuda(registry);
    kappa::register_creation(registry);
    kappa::register_shape(registry);
    kappa::register_math(registry);
    kappa::register_reductions(registry);
    kappa::register_autograd(registry);
    kappa::register_nn(registry);
    kappa::register_head(registry);
    kappa::register_concentration(registry);
    kappa::register_optim(registry);
    kappa::register_io(registry);
    kappa::register_distributed(registry);
    kappa::register_eval(registry);
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw Napi::Error::New(env, kappa::current_error(false).message);
  }
  return exports;
}

}  // namespace

NODE_API_MODULE(kappaface, initialize)
