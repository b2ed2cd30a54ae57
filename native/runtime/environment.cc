#include "runtime/environment.h"

#include <utility>

#include "runtime/error.h"
#include "runtime/executor.h"
#include "runtime/exit.h"

namespace kappa {
namespace {

struct Slot {
  std::shared_ptr<Environment> environment;
};

template <class T>
class ReleaseJob : public Job {
 public:
  explicit ReleaseJob(T&& object) : object_(std::move(object)) {}
  void run() noexcept override { object_ = T(); }

 private:
  T object_;
};

class ReleaseReference : public MainTask {
 public:
  explicit ReleaseReference(std::unique_ptr<Napi::ObjectReference> reference)
      : reference_(std::move(reference)) {}
  ~ReleaseReference() override {
    // The environment ended first, and took the reference with it.
    if (reference_) reference_->SuppressDestruct();
  }
  void run(Napi::Env) override { reference_.reset(); }

 private:
  std::unique_ptr<Napi::ObjectReference> reference_;
};

}  // namespace

std::shared_ptr<Environment> Environment::create(Napi::Env env) {
  std::shared_ptr<Environment> self(new Environment());
  napi_value name = Napi::String::New(env, "kappaface");
  if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, self.get(),
                                      &Environment::call_js, &self->channel_) != napi_ok) {
    throw Error("ERR_INTERNAL", "The channel to the event loop could not be made.");
  }
  napi_unref_threadsafe_function(env, self->channel_);
  self->pending_tensors = std::make_unique<PendingTensors>(env);
  Executor::instance().retain();
  Executor::background().retain();
  guard_exit();
  env.SetInstanceData(new Slot{self});
  // Hooks run in reverse order: this one before Node closes the channel.
  env.AddCleanupHook([self, env] { self->close(env); });
  return self;
}

std::shared_ptr<Environment> Environment::of(Napi::Env env) {
  auto* slot = env.GetInstanceData<Slot>();
  if (slot == nullptr) throw Error("ERR_INTERNAL", "The addon is not initialised in this environment.");
  return slot->environment;
}

void Environment::post(std::unique_ptr<MainTask> task) noexcept {
  std::lock_guard lock(mutex_);
  if (closed_) return;
  if (napi_call_threadsafe_function(channel_, task.get(), napi_tsfn_nonblocking) == napi_ok) {
    (void)task.release();
  }
}

void Environment::report_memory(napi_env env) {
  if (unreported_bytes == 0) return;
  int64_t total = 0;
  napi_adjust_external_memory(env, std::exchange(unreported_bytes, 0), &total);
}

void Environment::call_js(napi_env env, napi_value, void* context, void* data) {
  std::unique_ptr<MainTask> task(static_cast<MainTask*>(data));
  if (env == nullptr) return;  // the environment is going away
  Napi::HandleScope scope(env);
  try {
    task->run(Napi::Env(env));
    static_cast<Environment*>(context)->report_memory(env);
  } catch (const Napi::Error& error) {
    napi_fatal_exception(env, error.Value());
  } catch (...) {
    // A task reports its own failures; nothing may cross this border.
  }
}

void Environment::begin(Napi::Env env) {
  if (pending_++ == 0) napi_ref_threadsafe_function(env, channel_);
}

void Environment::finish(Napi::Env env) {
  if (--pending_ == 0) napi_unref_threadsafe_function(env, channel_);
}

Napi::Error Environment::make_error(Napi::Env env, const std::string& code, const std::string& message) {
  if (error_class.IsEmpty()) return Napi::Error::New(env, message);
  Napi::Object value = error_class.New({Napi::String::New(env, code), Napi::String::New(env, message)});
  return Napi::Error(env, value);
}

void Environment::close(Napi::Env) {
  Executor& executor = Executor::instance();
  Executor& background = Executor::background();
  executor.cancel(this);
  background.cancel(this);
  executor.abort(this, "The environment of this call has ended.");
  const auto soon = Executor::soon();
  // Memory that JavaScript owns goes with the environment: jobs that may use it are waited for to their end.
  const auto until = [&] { return holds > 0 ? std::nullopt : soon; };
  const bool computed = executor.await(this, until());
  if (!background.await(this, until()) || !computed) guard_exit();
  {
    std::lock_guard lock(mutex_);
    closed_ = true;
    napi_release_threadsafe_function(channel_, napi_tsfn_abort);
  }
  error_class.SuppressDestruct();
  pending_tensors->close();
  executor.release();
  background.release();
}

JsHold::JsHold(std::shared_ptr<Environment> environment, Napi::Object value)
    : environment_(std::move(environment)),
      reference_(std::make_unique<Napi::ObjectReference>(Napi::Persistent(value))) {
  ++environment_->holds;
}

JsHold::~JsHold() {
  --environment_->holds;
  environment_->post(std::make_unique<ReleaseReference>(std::move(reference_)));
}

void release_later(at::Tensor&& tensor) noexcept {
  if (!tensor.defined()) return;
  try {
    Executor::instance().submit(std::make_unique<ReleaseJob<at::Tensor>>(std::move(tensor)));
  } catch (...) {
    // Out of memory while freeing: the tensor has been freed here instead.
  }
}

void release_later(std::shared_ptr<void>&& object) noexcept {
  try {
    Executor::instance().submit(std::make_unique<ReleaseJob<std::shared_ptr<void>>>(std::move(object)));
  } catch (...) {
    // As above.
  }
}

}  // namespace kappa
