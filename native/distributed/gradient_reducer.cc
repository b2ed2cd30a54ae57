#include "distributed/gradient_reducer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <mutex>
#include <optional>
#include <torch/csrc/distributed/c10d/comm.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>
#include <utility>

#include "runtime/executor.h"

namespace kappa {
namespace {

using at::Tensor;
using Clock = std::chrono::steady_clock;
using Future = c10::intrusive_ptr<c10::ivalue::Future>;

/// The first bucket is small, so that the exchange begins early.
constexpr int64_t first_bucket_bytes = 1 << 20;

at::ScalarType type_of(Compression compression) {
  return compression == Compression::bfloat16 ? at::kBFloat16 : at::kHalf;
}

}  // namespace

/// The sums under way, which whoever aborts ends. c10d's threads share it and not the group: whichever of
/// them let go of the group last would have to wait for itself.
struct GradientReducer::Progress {
  std::mutex mutex;
  std::vector<Future> sums;
  std::optional<Error> error;
  /// How a sum failed, and when it had begun; what it means is found out by whoever waits.
  std::exception_ptr failure;
  Clock::time_point began;

  /// Completes a sum; only once, whoever comes first.
  void complete(const Future& sum, const Tensor& result) {
    std::lock_guard lock(mutex);
    if (!sum->completed()) sum->markCompleted(result);
  }
  void fail(const Future& sum, const std::exception_ptr& why, Clock::time_point since) {
    std::lock_guard lock(mutex);
    if (!failure) {
      failure = why;
      began = since;
    }
    if (!sum->completed()) sum->setError(why);
  }
  void fail_all(const Error& why) {
    std::lock_guard lock(mutex);
    if (!error) error = why;
    for (const Future& sum : sums) {
      if (!sum->completed()) sum->setError(std::make_exception_ptr(why));
    }
  }
};

/// What c10d calls for each bucket that is full.
class GradientReducer::Hook : public c10d::CommHookInterface {
 public:
  Hook(std::shared_ptr<ProcessGroup> group, std::shared_ptr<Progress> progress, Compression compression)
      : group_(std::move(group)), progress_(std::move(progress)), compression_(compression) {}

  Future runHook(c10d::GradBucket& bucket) override {
    const Tensor wide = bucket.getBuffer();
    const bool narrows = compression_ != Compression::none && wide.scalar_type() == at::kFloat;
    const Tensor sent = narrows ? wide.to(type_of(compression_)) : wide;
    if (!wide.is_cpu()) return sum_on_gpu(wide, sent);
    const auto sum = c10::make_intrusive<c10::ivalue::Future>(c10::TensorType::get());
    {
      std::lock_guard lock(progress_->mutex);
      progress_->sums.push_back(sum);
    }
    const auto began = Clock::now();
    const auto progress = progress_;
    group_->begin_sum(sent)->addCallback(
        [=](c10::ivalue::Future& exchange) {
          if (exchange.hasError()) {
            progress->fail(sum, exchange.exception_ptr(), began);
            return;
          }
          if (narrows) wide.copy_(sent);
          progress->complete(sum, wide);
        },
        /*uses_future=*/true);
    return sum;
  }

  Tensor parseHookResult(const c10::IValue& result) override { return result.toTensor(); }

 private:
  /// Futures of GPUs are completed at once: what comes after one is put on a stream that comes after the sum.
  Future sum_on_gpu(const Tensor& wide, const Tensor& sent) {
    return group_->begin_sum(sent)->then(
        [wide, sent](c10::ivalue::Future& exchange) {
          if (exchange.hasError()) std::rethrow_exception(exchange.exception_ptr());
          if (!sent.is_same(wide)) wide.copy_(sent);
          return c10::IValue(wide);
        },
        c10::TensorType::get());
  }

  std::shared_ptr<ProcessGroup> group_;
  std::shared_ptr<Progress> progress_;
  Compression compression_;
};

GradientReducer::GradientReducer(const std::shared_ptr<ProcessGroup>& group,
                                 const std::vector<Tensor>& parameters, const ReducerOptions& options)
    : group_(group), progress_(std::make_shared<Progress>()) {
  require(options.bucket_bytes > 0, "ERR_ARGUMENT", "A bucket of gradients must have more than 0 bytes.");
  for (const Tensor& parameter : parameters) {
    if (parameter.requires_grad()) parameters_.push_back(parameter);
  }
  require(!parameters_.empty(), "ERR_ARGUMENT", "No parameter requires gradients.");
  // In the layout of their parameters, which is that of the buckets.
  for (const Tensor& parameter : parameters_) {
    if (!parameter.grad().defined()) parameter.mutable_grad() = at::zeros_like(parameter.detach());
  }
  const std::vector<size_t> limits{static_cast<size_t>(std::min(first_bucket_bytes, options.bucket_bytes)),
                                   static_cast<size_t>(options.bucket_bytes)};
  auto [buckets, sizes] = c10d::compute_bucket_assignment_by_size(parameters_, limits);
  // Gradients come from the last layer to the first.
  std::reverse(buckets.begin(), buckets.end());
  reducer_ = std::make_shared<c10d::Reducer>(
      parameters_, std::move(buckets), group_->c10d_group(), std::vector<bool>(parameters_.size(), false),
      options.bucket_bytes, /*find_unused_parameters=*/false, /*gradient_as_bucket_view=*/true,
      std::unordered_map<size_t, std::string>(), first_bucket_bytes, /*skip_all_reduce_unused_params=*/false,
      /*use_python_reducer=*/false, std::vector<int64_t>());
  reducer_->register_comm_hook(std::make_unique<Hook>(group_, progress_, options.compression));
}

GradientReducer::~GradientReducer() = default;

void GradientReducer::backward(const Tensor& loss) {
  {
    std::lock_guard lock(progress_->mutex);
    progress_->sums.clear();
    progress_->error.reset();
    progress_->failure = nullptr;
  }
  Abortable abortable([this](const std::string& reason) {
    group_->abort(reason);
    progress_->fail_all(Error("ERR_CANCELLED", reason));
  });
  try {
    {
      at::NoGradGuard guard;
      reducer_->prepare_for_forward();
    }
    reducer_->prepare_for_backward({});
    loss.backward();
  } catch (const Error&) {
    throw;
  } catch (...) {
    // What the reducer makes of an error says less than the first one.
    std::unique_lock lock(progress_->mutex);
    if (progress_->error) throw *progress_->error;
    const std::exception_ptr failure = progress_->failure;
    const Clock::time_point began = progress_->began;
    lock.unlock();
    if (failure) throw group_->fault("summing gradients", failure, began);
    throw;
  }
}

}  // namespace kappa
