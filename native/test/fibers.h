// Many flows of control on one thread, which change at points of their own choice: what plays the threads of
// a block in cuda_on_cpu.h.
#pragma once
#include <ucontext.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

namespace kappa::test {

/// A stack and what runs on it. The sanitizers are told of each change of the stack.
class Fiber {
 public:
  Fiber() {
#if defined(__SANITIZE_THREAD__)
    tsan_ = __tsan_create_fiber(0);
#endif
  }
  ~Fiber() {
#if defined(__SANITIZE_THREAD__)
    __tsan_destroy_fiber(tsan_);
#endif
  }
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  void start(const std::function<void()>& body) {
    body_ = &body;
    done_ = false;
    getcontext(&context_);
    context_.uc_stack.ss_sp = stack_.get();
    context_.uc_stack.ss_size = stack_size;
    context_.uc_link = nullptr;
    makecontext(&context_, &Fiber::enter, 0);
  }
  bool done() const { return done_; }

  /// Goes on with the fiber, from outside of it, until it pauses or ends.
  void resume() {
    current() = this;
#if defined(__SANITIZE_THREAD__)
    outside_tsan_ = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(tsan_, 0);
#endif
#if defined(__SANITIZE_ADDRESS__)
    void* fake = nullptr;
    __sanitizer_start_switch_fiber(&fake, stack_.get(), stack_size);
#endif
    swapcontext(&outside_, &context_);
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
#endif
  }

  /// Leaves the fiber that runs until somebody resumes it.
  static void pause() { current()->leave(false); }

 private:
  static constexpr size_t stack_size = size_t{256} << 10;

  static Fiber*& current() {
    static thread_local Fiber* fiber = nullptr;
    return fiber;
  }

  static void enter() {
    Fiber* fiber = current();
    fiber->arrive(nullptr);
    (*fiber->body_)();
    fiber->done_ = true;
    fiber->leave(true);
  }

  void arrive([[maybe_unused]] void* fake) {
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_finish_switch_fiber(fake, &outside_stack_, &outside_size_);
#endif
  }

  void leave([[maybe_unused]] bool for_good) {
#if defined(__SANITIZE_THREAD__)
    __tsan_switch_to_fiber(outside_tsan_, 0);
#endif
    void* fake = nullptr;
#if defined(__SANITIZE_ADDRESS__)
    __sanitizer_start_switch_fiber(for_good ? nullptr : &fake, outside_stack_, outside_size_);
#endif
    swapcontext(&context_, &outside_);
    arrive(fake);
  }

  std::unique_ptr<std::byte[]> stack_{new std::byte[stack_size]};
  const std::function<void()>* body_ = nullptr;
  bool done_ = true;
  ucontext_t context_{};
  ucontext_t outside_{};
#if defined(__SANITIZE_ADDRESS__)
  const void* outside_stack_ = nullptr;
  size_t outside_size_ = 0;
#endif
#if defined(__SANITIZE_THREAD__)
  void* tsan_ = nullptr;
  void* outside_tsan_ = nullptr;
#endif
};

/// Where a number of fibers wait for each other.
class FiberBarrier {
 public:
  explicit FiberBarrier(unsigned count) : count_(count) {}
  void arrive_and_wait() {
    const unsigned round = round_;
    if (++arrived_ == count_) {
      arrived_ = 0;
      ++round_;
      return;
    }
    while (round == round_) Fiber::pause();
  }

 private:
  unsigned count_;
  unsigned arrived_ = 0;
  unsigned round_ = 0;
};

}  // namespace kappa::test
