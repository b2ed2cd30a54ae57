// A network on several ranks.
#include <ATen/ATen.h>

#include <cmath>
#include <thread>
#include <vector>

#include "nn/iresnet.h"
#include "nn/network.h"
#include "nn/synced_batch_norm.h"
#include "test/test.h"
#include "test/thread_group.h"

namespace {

using at::Tensor;
using namespace kappa;

double distance(const Tensor& a, const Tensor& b) {
  return (a - b).abs().max().item<double>() / (1 + b.abs().max().item<double>());
}

/// Runs a function as each rank, on a thread of its own.
template <class Body>
void as_threads(size_t ranks, const Body& body) {
  ThreadGroup group(ranks);
  std::vector<std::thread> threads;
  for (size_t rank = 0; rank < ranks; ++rank) {
    threads.emplace_back([&, rank] {
      ThreadGroup::Member member(group, rank);
      body(rank, member);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

IResNetOptions tiny() {
  IResNetOptions options;
  options.blocks = {1, 1, 1, 1};
  options.width_multiplier = 0.0625;
  options.embedding_size = 8;
  options.image_size = 32;
  return options;
}

}  // namespace

TEST("the running statistics of ranks merge into those of one rank that made all their passes") {
  at::manual_seed(5);
  Network one(iresnet(tiny()), Precision::float32, at::kCPU);
  one.initialize();
  std::vector<Tensor> images;
  for (int i = 0; i < 6; ++i) images.push_back(at::randn({4, 3, 32, 32}) * (1 + i));
  one.forward(images[0], true);
  std::vector<Tensor> start;
  for (const auto& [name, tensor] : one.buffers()) start.push_back(tensor.clone());
  for (const Tensor& batch : images) one.forward(batch, true);
  for (size_t ranks : {2, 3}) {
    const size_t passes = images.size() / ranks;
    std::vector<double> furthest(ranks, 1);
    as_threads(ranks, [&](size_t rank, ShardGroup& group) {
      at::NoGradGuard guard;
      Network own(iresnet(tiny()), Precision::float32, at::kCPU);
      for (size_t i = 0; i < own.parameters().size(); ++i)
        own.parameters()[i].second.copy_(one.parameters()[i].second);
      for (size_t i = 0; i < start.size(); ++i) own.buffers()[i].second.copy_(start[i]);
      own.keep_buffers();
      for (size_t pass = 0; pass < passes; ++pass) own.forward(images[rank * passes + pass], true);
      own.merge_statistics(group);
      double most = 0;
      for (size_t i = 0; i < start.size(); ++i)
        most = std::max(most, distance(own.buffers()[i].second, one.buffers()[i].second));
      furthest[rank] = most;
    });
    for (double found : furthest) EXPECT(found < 1e-6);
  }
}

TEST("batch normalisation over ranks is that of the whole batch, forward, backward and in its statistics") {
  at::manual_seed(6);
  for (bool images : {true, false}) {
    const std::vector<int64_t> shape = images ? std::vector<int64_t>{7, 5, 3, 4} : std::vector<int64_t>{7, 5};
    const Tensor x = (at::randn(shape, at::kDouble) * 3 + 2).to(at::kFloat);
    const Tensor upstream = at::randn(shape);
    const Tensor weight = at::randn({5}), bias = at::randn({5});
    Tensor mean = at::zeros({5}), variance = at::ones({5});
    const Tensor whole_x = x.clone().requires_grad_();
    const Tensor whole_weight = weight.clone().requires_grad_(), whole_bias = bias.clone().requires_grad_();
    const Tensor expected =
        at::batch_norm(whole_x, whole_weight, whole_bias, mean, variance, true, 0.1, 1e-5, true);
    expected.backward(upstream);
    // Ranks with batches of different sizes.
    const int64_t cuts[] = {0, 4, 7};
    std::vector<Tensor> weights(2), biases(2), inputs(2), outputs(2);
    std::vector<BatchNormTensors> tensors(2);
    std::vector<ThreadGroup::Member> members;
    ThreadGroup group(2);
    for (size_t rank = 0; rank < 2; ++rank) members.emplace_back(group, rank);
    std::vector<std::thread> threads;
    for (size_t rank = 0; rank < 2; ++rank) {
      threads.emplace_back([&, rank] {
        weights[rank] = weight.clone().requires_grad_();
        biases[rank] = bias.clone().requires_grad_();
        inputs[rank] = x.slice(0, cuts[rank], cuts[rank + 1]).clone().requires_grad_();
        tensors[rank] = {weights[rank], biases[rank], at::zeros({5}), at::ones({5})};
        outputs[rank] = synced_batch_norm(inputs[rank], tensors[rank], 0.1, 1e-5, members[rank]);
        outputs[rank].backward(upstream.slice(0, cuts[rank], cuts[rank + 1]));
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT(distance(at::cat(outputs), expected) < 1e-6);
    EXPECT(distance(at::cat({inputs[0].grad(), inputs[1].grad()}), whole_x.grad()) < 1e-6);
    EXPECT(distance(weights[0].grad() + weights[1].grad(), whole_weight.grad()) < 1e-6);
    EXPECT(distance(biases[0].grad() + biases[1].grad(), whole_bias.grad()) < 1e-6);
    for (const BatchNormTensors& own : tensors) {
      EXPECT(distance(own.running_mean, mean) < 1e-6);
      EXPECT(distance(own.running_var, variance) < 1e-6);
    }
  }
}
