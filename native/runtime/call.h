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
#include <vector>

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

/// What a function takes and gives. It may ask for the context of the call before its arguments.
template <class R, class... A>
struct Called {
  using Result = R;
  using Arguments = ArgumentList<std::decay_t<A>...>;
  static constexpr size_t arity = sizeof...(A);

  /// The function's type as the contract has it.
  /// @param parameters `arity` names
  /// @param queued whether it may be given what calls before it will come to
  /// @param promised whether its result comes later
  static std::string type(TypeNames& names, const char* const* parameters, [[maybe_unused]] bool queued,
                          bool promised) {
    std::string list;
    [[maybe_unused]] size_t i = 0;
    ((list += text(i == 0 ? "" : ", ", parameters[i], ": ", FromJs<std::decay_t<A>>::type(names, queued)),
      ++i),
     ...);
    const std::string result = ToJs<R>::type(names);
    return text("(", list, ") => ", promised ? text("Promise<", result, ">") : result);
  }
};

template <class F>
struct Signature : Signature<decltype(&F::operator())> {};
template <class C, class R, class... A>
struct Signature<R (C::*)(A...) const> : Called<R, A...> {
  static constexpr bool takes_context = false;
};
template <class C, class R, class... A>
struct Signature<R (C::*)(const Context&, A...) const> : Called<R, A...> {
  static constexpr bool takes_context = true;
};

struct Nothing {};

/// Where a call runs that returns a promise.
enum class Runs { on_compute_thread, in_background };

/// A call on its way: runs on its thread, then settles its promise on the JavaScript thread.
template <class F, Runs runs>
class Call : public Job {
  using Result = typename Signature<F>::Result;
  using Arguments = typename Signature<F>::Arguments;
  using Stored = std::conditional_t<std::is_void_v<Result>, Nothing, Result>;
  // What comes of the background is no operand before it is there: the compute thread does not wait for it.
  static constexpr bool gives_tensor = std::is_same_v<Result, at::Tensor> && runs == Runs::on_compute_thread;

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
    end(std::move(settle));
  }

  void refuse(const std::string& reason) noexcept override {
    auto settle = std::make_unique<Settle>(environment_, deferred_, number_);
    settle->error = {"ERR_CANCELLED", reason};
    if (pending_) pending_->error = std::make_exception_ptr(Error("ERR_CANCELLED", reason));
    end(std::move(settle));
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

  void end(std::unique_ptr<Settle> settle) noexcept {
    arguments_.reset();
    environment_->post(std::move(settle));
  }

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

/// Something by name, as text.
struct NamedText {
  std::string name;
  std::string text;
};
template <>
struct Fields<NamedText> {
  static constexpr const char* name = "NamedText";
  static constexpr std::tuple list{Field{"name", &NamedText::name}, Field{"text", &NamedText::text}};
};

/// The contract as this binary has it: the type of each function, and the types that are named there.
struct Signatures {
  std::vector<NamedText> functions;
  std::vector<NamedText> types;
};
template <>
struct Fields<Signatures> {
  static constexpr const char* name = "Signatures";
  static constexpr std::tuple list{Field{"functions", &Signatures::functions},
                                   Field{"types", &Signatures::types}};
};

/// Collects the functions of the addon.
class Registry {
 public:
  explicit Registry(Napi::Object exports) : exports_(exports) {
    sync("signatures", [noted = noted_] {
      Signatures all{noted->functions, {}};
      for (const auto& [name, definition] : noted->types.definitions())
        all.types.push_back({name, definition});
      return all;
    });
  }

  /// A function that runs on the compute thread and returns a promise.
  /// @param parameters their names in the contract
  template <size_t N, class F>
  void async(const char* name, const char* const (&parameters)[N], F function) {
    static_assert(N == Signature<F>::arity, "Every parameter has a name.");
    add_promised<Runs::on_compute_thread>(name, parameters, function);
  }
  template <class F>
  void async(const char* name, F function) {
    static_assert(Signature<F>::arity == 0, "Every parameter has a name.");
    add_promised<Runs::on_compute_thread>(name, nullptr, function);
  }

  /// A function that waits for a disk: it runs on the background thread, beside the compute thread, and
  /// returns a promise. It takes only tensors that are there, not promises of them; nobody may change them
  /// before it has ended.
  template <size_t N, class F>
  void background(const char* name, const char* const (&parameters)[N], F function) {
    static_assert(N == Signature<F>::arity, "Every parameter has a name.");
    add_promised<Runs::in_background>(name, parameters, function);
  }

  /// A function that runs at once on the JavaScript thread: metadata only. It may take the context of the
  /// call before its parameters.
  template <size_t N, class F>
  void sync(const char* name, const char* const (&parameters)[N], F function) {
    static_assert(N == Signature<F>::arity, "Every parameter has a name.");
    add_sync(name, parameters, function);
  }
  template <class F>
  void sync(const char* name, F function) {
    static_assert(Signature<F>::arity == 0, "Every parameter has a name.");
    add_sync(name, nullptr, function);
  }

 private:
  struct Noted {
    std::vector<NamedText> functions;
    TypeNames types;
  };

  template <Runs runs, class F>
  void add_promised(const char* name, const char* const* parameters, F function) {
    constexpr bool queued = runs == Runs::on_compute_thread;
    note<F>(name, parameters, queued, /*promised=*/true);
    add(name, [function](const Napi::CallbackInfo& info) -> Napi::Value {
      return guarded(info, [&](const Context& context) -> Napi::Value {
        typename Signature<F>::Arguments arguments({context.env, context.environment, queued}, info);
        auto call = std::make_unique<Call<F, runs>>(context, function, std::move(arguments));
        napi_value promise = call->promise();
        context.environment->begin(context.env);
        (queued ? Executor::instance() : Executor::background()).submit(std::move(call));
        return Napi::Value(context.env, promise);
      });
    });
  }

  template <class F>
  void add_sync(const char* name, const char* const* parameters, F function) {
    note<F>(name, parameters, /*queued=*/false, /*promised=*/false);
    add(name, [function](const Napi::CallbackInfo& info) -> Napi::Value {
      return guarded(info, [&](const Context& context) -> Napi::Value {
        typename Signature<F>::Arguments arguments(context, info);
        const auto call = [&](auto&&... values) {
          if constexpr (Signature<F>::takes_context) {
            return function(context, values...);
          } else {
            return function(values...);
          }
        };
        using Result = typename Signature<F>::Result;
        if constexpr (std::is_void_v<Result>) {
          std::apply(call, arguments.take());
          return context.env.Undefined();
        } else {
          return ToJs<Result>::make(context, std::apply(call, arguments.take()));
        }
      });
    });
  }

  template <class F>
  void note(const char* name, const char* const* parameters, bool queued, bool promised) {
    noted_->functions.push_back({name, Signature<F>::type(noted_->types, parameters, queued, promised)});
  }

  template <class Callback>
  void add(const char* name, Callback callback) {
    exports_.Set(name, Napi::Function::New(exports_.Env(), callback, name));
  }

  Napi::Object exports_;
  std::shared_ptr<Noted> noted_ = std::make_shared<Noted>();
};

}  // namespace kappa
