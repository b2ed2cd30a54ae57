// One guard and one template for every function that JavaScript may call. A C++ lambda's signature says which
// arguments it takes and what it returns; everything else (checking, queueing, the promise, errors) is here.
#pragma once
#include <ATen/core/grad_mode.h>
#include <napi.h>

#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "runtime/convert.h"
#include "runtime/environment.h"
#include "runtime/error.h"
#include "runtime/executor.h"

namespace kappa {

template <class F>
struct Signature : Signature<decltype(&F::operator())> {};
template <class C, class R, class... A>
struct Signature<R (C::*)(A...) const> {
  using Result = R;
  using Arguments = std::tuple<std::decay_t<A>...>;
};

template <class Arguments, size_t... I>
Arguments read_arguments(const Context& context, const Napi::CallbackInfo& info, std::index_sequence<I...>) {
  return Arguments{FromJs<std::tuple_element_t<I, Arguments>>::get(context, info[I])...};
}

template <class Arguments>
Arguments read_arguments(const Context& context, const Napi::CallbackInfo& info) {
  return read_arguments<Arguments>(context, info, std::make_index_sequence<std::tuple_size_v<Arguments>>{});
}

struct Nothing {};

/// A call on its way: runs on the compute thread, then settles its promise on the JavaScript thread.
template <class F>
class Call : public Job {
  using Result = typename Signature<F>::Result;
  using Arguments = typename Signature<F>::Arguments;
  using Stored = std::conditional_t<std::is_void_v<Result>, Nothing, Result>;

 public:
  Call(const Context& context, const F& function, Arguments&& arguments)
      : environment_(context.environment),
        function_(function),
        arguments_(std::move(arguments)),
        grad_enabled_(context.environment->grad_enabled) {
    require(napi_create_promise(context.env, &deferred_, &promise_) == napi_ok, "ERR_INTERNAL",
            "A promise could not be made.");
  }

  napi_value promise() const { return promise_; }
  const void* owner() const noexcept override { return environment_.get(); }

  void run() noexcept override {
    auto settle = std::make_unique<Settle>(environment_, deferred_);
    try {
      at::AutoGradMode mode(grad_enabled_);
      if constexpr (std::is_void_v<Result>) {
        std::apply(function_, *arguments_);
        settle->result.emplace();
      } else {
        settle->result.emplace(std::apply(function_, *arguments_));
      }
    } catch (...) {
      settle->error = current_error(environment_->debug);
    }
    arguments_.reset();
    environment_->post(std::move(settle));
  }

 private:
  class Settle : public MainTask {
   public:
    Settle(std::shared_ptr<Environment> environment, napi_deferred deferred)
        : environment_(std::move(environment)), deferred_(deferred) {}

    void run(Napi::Env env) override {
      environment_->finish(env);
      if (result) {
        try {
          if constexpr (std::is_void_v<Result>) {
            napi_resolve_deferred(env, deferred_, env.Undefined());
          } else {
            Context context{env, environment_};
            napi_resolve_deferred(env, deferred_, ToJs<Result>::make(context, std::move(*result)));
          }
          return;
        } catch (...) {
          error = current_error(environment_->debug);
        }
      }
      napi_reject_deferred(env, deferred_, environment_->make_error(env, error.code, error.message).Value());
    }

    std::optional<Stored> result;
    ErrorInfo error;

   private:
    std::shared_ptr<Environment> environment_;
    napi_deferred deferred_;
  };

  std::shared_ptr<Environment> environment_;
  F function_;
  std::optional<Arguments> arguments_;
  bool grad_enabled_;
  napi_deferred deferred_ = nullptr;
  napi_value promise_ = nullptr;
};

/// Runs `body` so that every C++ exception becomes a KappaError of this environment.
template <class Body>
Napi::Value guarded(const Napi::CallbackInfo& info, const Body& body) {
  std::shared_ptr<Environment> environment;
  ErrorInfo error;
  try {
    environment = Environment::of(info.Env());
    return body(Context{info.Env(), environment});
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    error = current_error(environment && environment->debug);
  }
  if (!environment) throw Napi::Error::New(info.Env(), error.message);
  throw environment->make_error(info.Env(), error.code, error.message);
}

/// Collects the functions of the addon.
class Registry {
 public:
  explicit Registry(Napi::Object exports) : exports_(exports) {}

  /// A function that runs on the compute thread and returns a promise.
  template <class F>
  void async(const char* name, F function) {
    add(name, [function](const Napi::CallbackInfo& info) -> Napi::Value {
      return guarded(info, [&](const Context& context) -> Napi::Value {
        auto call = std::make_unique<Call<F>>(
            context, function, read_arguments<typename Signature<F>::Arguments>(context, info));
        napi_value promise = call->promise();
        context.environment->begin(context.env);
        Executor::instance().submit(std::move(call));
        return Napi::Value(context.env, promise);
      });
    });
  }

  /// A function that runs at once on the JavaScript thread: metadata only.
  template <class F>
  void sync(const char* name, F function) {
    add(name, [function](const Napi::CallbackInfo& info) -> Napi::Value {
      return guarded(info, [&](const Context& context) -> Napi::Value {
        auto arguments = read_arguments<typename Signature<F>::Arguments>(context, info);
        using Result = typename Signature<F>::Result;
        if constexpr (std::is_void_v<Result>) {
          std::apply(function, arguments);
          return context.env.Undefined();
        } else {
          return ToJs<Result>::make(context, std::apply(function, arguments));
        }
      });
    });
  }

  /// A function that needs the call itself.
  template <class F>
  void raw(const char* name, F function) {
    add(name, [function](const Napi::CallbackInfo& info) -> Napi::Value {
      return guarded(info, [&](const Context& context) { return function(context, info); });
    });
  }

 private:
  template <class Callback>
  void add(const char* name, Callback callback) {
    exports_.Set(name, Napi::Function::New(exports_.Env(), callback, name));
  }

  Napi::Object exports_;
};

}  // namespace kappa
