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
#include "runtime/refusal.h"

namespace kappa {

/// The arguments of a call between reading them and using them.
template <class... A>
class ArgumentList {
 public:
  ArgumentList(const Context& context, const Napi::CallbackInfo& info)
      : ArgumentList(context, info, std::index_sequence_for<A...>{}) {}

  /// The arguments as the function takes them; they are used up.
  std::tuple<A...> take() { return take(std::index_sequence_for<A...>{}); }

 private:
  // Braces: the arguments are read from left to right.
  template <size_t... I>
  ArgumentList([[maybe_unused]] const Context& context, [[maybe_unused]] const Napi::CallbackInfo& info,
               std::index_sequence<I...>)
      : stored_{FromJs<A>::get(context, info[I])...} {}

  template <size_t... I>
  std::tuple<A...> take(std::index_sequence<I...>) {
    return {FromJs<A>::take(std::move(std::get<I>(stored_)))...};
  }

  std::tuple<typename FromJs<A>::Stored...> stored_;
};

template <class F>
struct Signature : Signature<decltype(&F::operator())> {};
template <class C, class R, class... A>
struct Signature<R (C::*)(A...) const> {
  using Result = R;
  using Arguments = ArgumentList<std::decay_t<A>...>;
};

struct Nothing {};

/// A call on its way: runs on the compute thread, then settles its promise on the JavaScript thread.
template <class F>
class Call : public Job {
  using Result = typename Signature<F>::Result;
  using Arguments = typename Signature<F>::Arguments;
  using Stored = std::conditional_t<std::is_void_v<Result>, Nothing, Result>;
  static constexpr bool gives_tensor = std::is_same_v<Result, at::Tensor>;

 public:
  Call(const Context& context, const F& function, Arguments&& arguments)
      : environment_(context.environment),
        function_(function),
        arguments_(std::move(arguments)),
        grad_enabled_(context.environment->grad_enabled) {
    require(napi_create_promise(context.env, &deferred_, &promise_) == napi_ok, "ERR_INTERNAL",
            "A promise could not be made.");
    if constexpr (gives_tensor) {
      pending_ = std::make_shared<PendingTensor>();
      number_ = environment_->pending_tensors->add(context.env, promise_, pending_);
    }
  }

  napi_value promise() const { return promise_; }
  const void* owner() const noexcept override { return environment_.get(); }

  void run() noexcept override {
    auto settle = std::make_unique<Settle>(environment_, deferred_, number_);
    try {
      at::AutoGradMode mode(grad_enabled_);
      const auto arguments = arguments_->take();
      try {
        if constexpr (std::is_void_v<Result>) {
          std::apply(function_, arguments);
          settle->result.emplace();
        } else {
          settle->result.emplace(std::apply(function_, arguments));
        }
      } catch (const c10::Error& error) {
        if (is_out_of_memory(error)) throw;
        throw Error(code_of_refusal<Result>(function_, arguments),
                    environment_->debug ? error.what() : error.what_without_backtrace());
      }
      if constexpr (gives_tensor) pending_->value = *settle->result;
    } catch (...) {
      settle->error = current_error(environment_->debug);
      if (pending_) pending_->error = std::current_exception();
    }
    arguments_.reset();
    environment_->post(std::move(settle));
  }

 private:
  class Settle : public MainTask {
   public:
    Settle(std::shared_ptr<Environment> environment, napi_deferred deferred, int64_t number)
        : environment_(std::move(environment)), deferred_(deferred), number_(number) {}

    void run(Napi::Env env) override {
      environment_->finish(env);
      if constexpr (gives_tensor) environment_->pending_tensors->settle(number_);
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
    int64_t number_;
  };

  std::shared_ptr<Environment> environment_;
  F function_;
  std::optional<Arguments> arguments_;
  bool grad_enabled_;
  napi_deferred deferred_ = nullptr;
  napi_value promise_ = nullptr;
  std::shared_ptr<PendingTensor> pending_;  // where the result is a tensor
  int64_t number_ = 0;                      // of the pending tensor
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
        typename Signature<F>::Arguments arguments({context.env, context.environment, /*queued=*/true}, info);
        auto call = std::make_unique<Call<F>>(context, function, std::move(arguments));
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
        typename Signature<F>::Arguments arguments(context, info);
        using Result = typename Signature<F>::Result;
        if constexpr (std::is_void_v<Result>) {
          std::apply(function, arguments.take());
          return context.env.Undefined();
        } else {
          return ToJs<Result>::make(context, std::apply(function, arguments.take()));
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
