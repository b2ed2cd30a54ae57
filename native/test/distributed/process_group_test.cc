#include "distributed/process_group.h"

#include <ATen/ATen.h>

#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "distributed/gradient_reducer.h"
#include "test/distributed/ranks.h"
#include "test/test.h"

namespace {

using at::Tensor;
using namespace kappa;
using Group = std::shared_ptr<ProcessGroup>;

std::string code_of(const std::function<void()>& body, std::string* message = nullptr) {
  try {
    body();
  } catch (const Error& error) {
    if (message != nullptr) *message = error.what();
    return error.code();
  }
  return "";
}

std::string await_text(ProcessGroup& group, const std::string& key) {
  for (;;) {
    if (const auto found = group.take_text(key)) return *found;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

TEST("ranks gather, reduce, scatter and broadcast tensors of every type they need") {
  for (int64_t size : {1, 2, 3}) {
    std::atomic<int> good = 0;
    as_ranks(size, [&](const Group& group) {
      const int64_t rank = group->rank();
      bool right = true;
      for (auto type : {at::kFloat, at::kDouble, at::kLong, at::kBFloat16, at::kHalf}) {
        const Tensor rows = at::full({2, 3}, rank + 1).to(type);
        const Tensor all = group->gather(rows);
        right = right && all.size(0) == 2 * size && all.scalar_type() == type;
        for (int64_t other = 0; other < size; ++other)
          right = right &&
                  at::equal(all.slice(0, 2 * other, 2 * other + 2), at::full({2, 3}, other + 1).to(type));
        Tensor sum = rows.clone();
        group->sum(sum);
        right = right && at::equal(sum, at::full({2, 3}, size * (size + 1) / 2).to(type));
        Tensor most = rows.clone();
        group->maximum(most);
        right = right && at::equal(most, at::full({2, 3}, size).to(type));
        Tensor scattered = group->scatter_sum(at::arange(2 * size).reshape({2 * size, 1}).to(type));
        right = right &&
                at::equal(scattered, (at::arange(2 * rank, 2 * rank + 2).reshape({2, 1}) * size).to(type));
      }
      // A tensor that does not lie row by row.
      Tensor turned = at::full({3, 2}, rank + 1).t();
      group->sum(turned);
      right = right && at::equal(turned, at::full({2, 3}, size * (size + 1) / 2));
      const Tensor weights = at::full({4, 3, 2, 2}, rank).to(at::MemoryFormat::ChannelsLast);
      group->broadcast({weights, at::full({1}, 5)});
      right = right && at::equal(weights, at::zeros({4, 3, 2, 2}, at::kLong));
      group->put_text(text("from/", rank), text("rank ", rank));
      for (int64_t other = 0; other < size; ++other)
        right = right && await_text(*group, text("from/", other)) == text("rank ", other);
      if (right) ++good;
    });
    EXPECT(good.load() == static_cast<int>(size));
  }
}

TEST("a rank that is gone is told to the others at once, by name of the operation") {
  std::string codes[2];
  std::string message;
  as_ranks(2, [&](const Group& group) {
    Tensor values = at::ones({8});
    group->sum(values);
    group->at_step(7);
    if (group->rank() == 1) {
      group->abort("it was told to");
      codes[1] = code_of([&] { group->sum(values); });
      return;
    }
    codes[0] = code_of([&] { group->sum(values); }, &message);
  });
  EXPECT(codes[0] == "ERR_PEER");
  EXPECT(codes[1] == "ERR_CANCELLED");
  EXPECT(message.find("Rank 0 of 2, step 7, reducing values") == 0);
}

TEST("a rank that does not come is named after the time-out") {
  std::string code;
  std::string message;
  std::atomic<bool> is_over = false;
  as_ranks(
      3,
      [&](const Group& group) {
        Tensor values = at::ones({8});
        group->sum(values);
        if (group->rank() == 2) {
          while (!is_over) std::this_thread::sleep_for(std::chrono::milliseconds(5));
          return;
        }
        std::string own;
        const std::string found = code_of([&] { group->sum(values); }, &own);
        if (group->rank() == 0) {
          code = found;
          message = own;
          is_over = true;
        }
      },
      /*timeout=*/2);
  EXPECT(code == "ERR_TIMEOUT");
  EXPECT(message.find("not there: rank 2") != std::string::npos);
}

TEST("gradients are summed over ranks and over losses of a step, in the buckets where they stay") {
  for (auto compression : {Compression::none, Compression::bfloat16, Compression::float16}) {
    std::atomic<int> good = 0;
    as_ranks(2, [&](const Group& group) {
      Tensor first = at::arange(6, at::kFloat).reshape({2, 3}).requires_grad_();
      Tensor second = at::ones({3}).requires_grad_();
      const Tensor frozen = at::ones({3});
      GradientReducer reducer(group, {first, frozen, second}, {16 << 20, compression});
      const auto mine = static_cast<float>(group->rank() + 1);
      const void* place = nullptr;
      bool right = true;
      for (int step = 0; step < 3; ++step) {
        (first * mine).sum().backward();  // not the last loss of the step: stays here
        reducer.backward((first.sum() * 10 * mine) + (second * frozen).sum());
        right = right && at::equal(first.grad(), at::full({2, 3}, 33.0F)) &&
                at::equal(second.grad(), at::full({3}, 2.0F)) && !frozen.grad().defined();
        // c10d orders its buckets anew after the first step.
        if (step == 2) right = right && first.grad().const_data_ptr() == place;
        place = first.grad().const_data_ptr();
        first.mutable_grad().zero_();
        second.mutable_grad().zero_();
      }
      if (right) ++good;
    });
    EXPECT(good.load() == 2);
  }
}
