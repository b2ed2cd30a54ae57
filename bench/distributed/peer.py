"""PyTorch's DDP with a head that is sharded as in arcface_torch, over Gloo: one rank. The case is that of case.ts."""

import json
import os
import resource
import statistics
import sys
import time

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from iresnet import Network  # noqa: E402

SCALE, MARGIN = 64.0, 0.5


class Gather(torch.autograd.Function):
    """All ranks' rows; the gradient of the own ones, summed over the ranks and times their number, as DDP averages."""

    @staticmethod
    def forward(context, own):
        rows = [torch.empty_like(own) for _ in range(dist.get_world_size())]
        dist.all_gather(rows, own.contiguous())
        return torch.cat(rows)

    @staticmethod
    def backward(context, gradient):
        gradient = gradient.contiguous()
        dist.all_reduce(gradient)
        size = dist.get_world_size()
        return gradient.chunk(size)[dist.get_rank()] * size


class ShardedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(context, logits, labels):
        largest = logits.max(1, keepdim=True).values
        dist.all_reduce(largest, dist.ReduceOp.MAX)
        exponentials = (logits - largest).exp()
        total = exponentials.sum(1, keepdim=True)
        dist.all_reduce(total)
        exponentials.div_(total)
        own = labels >= 0
        loss = torch.zeros(len(labels), 1)
        loss[own] = exponentials[own].gather(1, labels[own, None])
        dist.all_reduce(loss)
        context.save_for_backward(exponentials, labels)
        return loss.clamp_min(1e-30).log().mean().neg()

    @staticmethod
    def backward(context, upstream):
        probabilities, labels = context.saved_tensors
        own = (labels >= 0).nonzero().squeeze(1)
        probabilities[own, labels[own]] -= 1
        return probabilities / len(labels) * upstream, None


class Head(nn.Module):
    def __init__(self, classes, dim):
        super().__init__()
        size, rank = dist.get_world_size(), dist.get_rank()
        self.count = classes // size + int(rank < classes % size)
        self.first = classes // size * rank + min(rank, classes % size)
        self.weight = nn.Parameter(torch.randn(self.count, dim) * 0.01)

    def forward(self, embeddings, labels):
        everybody = [torch.empty_like(labels) for _ in range(dist.get_world_size())]
        dist.all_gather(everybody, labels)
        labels = torch.cat(everybody) - self.first
        labels[(labels < 0) | (labels >= self.count)] = -1
        cosines = F.linear(F.normalize(Gather.apply(embeddings)), F.normalize(self.weight)).clamp(-1, 1)
        own = (labels >= 0).nonzero().squeeze(1)
        cosine = cosines[own, labels[own]]
        sine = (1 - cosine.square()).clamp_min(1e-12).sqrt()
        moved = cosine * torch.cos(torch.tensor(MARGIN)) - sine * torch.sin(torch.tensor(MARGIN))
        return ShardedCrossEntropy.apply(cosines.index_put((own, labels[own]), moved) * SCALE, labels)


def main():
    case = json.loads(sys.argv[1])
    torch.set_num_threads(1)
    torch.manual_seed(1)
    dist.init_process_group("gloo")
    head = Head(case["classes"], case["embeddingSize"])
    labels = torch.randint(case["classes"], (case["batch"],))
    training = case["kind"] == "training"
    if training:
        network = Network(case["depth"], case["widthMultiplier"], case["embeddingSize"])
        model = nn.parallel.DistributedDataParallel(network, bucket_cap_mb=16, broadcast_buffers=False, gradient_as_bucket_view=True)
        images = torch.randn(case["batch"], 3, 112, 112)
        moved = [*model.parameters(), *head.parameters()]
    else:
        embeddings = torch.randn(case["batch"], case["embeddingSize"], requires_grad=True)
        moved = list(head.parameters())
    optimizer = torch.optim.SGD(moved, 0.01, momentum=0.9, weight_decay=5e-4, fused=True)

    def step():
        optimizer.zero_grad(set_to_none=True)
        given = model(images) if training else embeddings
        head(given, labels).backward()
        optimizer.step()

    for _ in range(3):
        step()
    seconds = []
    for _ in range(case["steps"]):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    dist.barrier()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": statistics.median(seconds), "peakBytes": peak}), flush=True)
    dist.destroy_process_group()


main()
