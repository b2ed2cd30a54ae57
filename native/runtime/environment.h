// What belongs to one JavaScript environment (the main thread, or a worker): its error class, its way back
// from the other threads, its live tensors. It ends with the environment, whoever still holds a pointer to
// it.
#pragma once
#include <ATen/core/Tensor.h>
#include <napi.h>

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>

#include "runtime/live_tensors.h"
#include "runtime/pending.h"

namespace kappa {

/// Something that the JavaScript thread has to do.
class MainTask {
 public:
  virtual ~MainTask() = default;
  virtual void run(Napi::Env env) = 0;
};

class Environment : public std::enable_shared_from_this<Environment> {
 public:
  static std::shared_ptr<Environment> create(Napi::Env env);
  static std::shared_ptr<Environment> of(Napi::Env env);

  /// Runs the task on the JavaScript thread; drops it if the environment has ended. From any thread.
  void post(std::unique_ptr<MainTask> task) noexcept;

  /// A call was made (JavaScript thread): the event loop stays alive until `finish`.
  void begin(Napi::Env env);
  void finish(Napi::Env env);

  /// Builds a KappaError (JavaScript thread).
  Napi::Error make_error(Napi::Env env, const std::string& code, const std::string& message);

  bool debug = false;
  bool grad_enabled = true;  // set by the JavaScript thread before each call
  LiveTensors live_tensors;
  std::atomic<int64_t> holds = 0;  // JavaScript values that native code keeps, on any thread
  /// Bytes that came or went since V8 was told. It may collect garbage when it is, so it is told once a turn
  /// of the event loop, and not for each parameter of a network.
  int64_t unreported_bytes = 0;
  Napi::FunctionReference error_class;
  std::unique_ptr<PendingTensors> pending_tensors;

 private:
  Environment() = default;
  void close(Napi::Env env);
  void report_memory(napi_env env);
  static void call_js(napi_env env, napi_value, void* context, void* data);

  std::mutex mutex_;
  napi_threadsafe_function channel_ = nullptr;
  bool closed_ = false;
  int64_t pending_ = 0;
};

/// Keeps a JavaScript value alive for native code on any thread; let go of on the JavaScript thread.
class JsHold {
 public:
  JsHold(std::shared_ptr<Environment> environment, Napi::Object value);
  ~JsHold();
  JsHold(const JsHold&) = delete;
  JsHold& operator=(const JsHold&) = delete;

 private:
  std::shared_ptr<Environment> environment_;
  std::unique_ptr<Napi::ObjectReference> reference_;
};

/// Frees a tensor on the compute thread, after everything queued before: releasing a graph can take long.
void release_later(at::Tensor&& tensor) noexcept;
/// The same for what owns tensors: a network, a head.
void release_later(std::shared_ptr<void>&& object) noexcept;

}  // namespace kappa
