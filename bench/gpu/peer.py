"""PyTorch on a device, one case after another: a line of JSON in, a line of JSON out. Cases are those of case.ts."""

import json
import os
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from iresnet import Network  # noqa: E402

SCALE = 64.0
MARGIN = 0.5
WARM = 5


def finish(device):
    if device != "cpu":
        torch.cuda.synchronize()


def measured(case, step):
    """Median seconds of a step, and the highest bytes of all tensors."""
    device = case["device"]
    if device != "cpu":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    times = []
    for _ in range(WARM + case["repeats"]):
        start = time.perf_counter()
        step()
        finish(device)
        times.append(time.perf_counter() - start)
    peak = None if device == "cpu" else torch.cuda.max_memory_allocated()
    return {"seconds": statistics.median(times[WARM:]), "peakBytes": peak}


def arcface_loss(embeddings, weight, labels, rows, dtype):
    """As arcface_torch computes it: every logit through arc cosine and cosine, past autograd."""
    with torch.autocast(embeddings.device.type, dtype, enabled=dtype != torch.float32):
        cosines = F.linear(F.normalize(embeddings), F.normalize(weight))
    cosines = cosines.float().clamp(-1, 1)
    with torch.no_grad():
        cosines.arccos_()
        cosines[rows, labels] += MARGIN
        cosines.cos_()
    return F.cross_entropy(cosines * SCALE, labels)


def best_loss(embeddings, weight, labels, rows, dtype):
    """The margin on the targets alone, by the addition theorem; products in the case's precision."""
    cosines = F.linear(F.normalize(embeddings).to(dtype), F.normalize(weight).to(dtype)).float()
    target = cosines[rows, labels].clamp(-1 + 1e-7, 1 - 1e-7)
    moved = target * 0.8775825618903728 - (1 - target * target).sqrt() * 0.479425538604203
    return F.cross_entropy((cosines * SCALE).index_put((rows, labels), moved * SCALE), labels)


compiled_loss = torch.compile(best_loss)


def head(case):
    device, dtype = case["device"], getattr(torch, case["precision"])
    best = case["peer"] == "pytorch-best"
    weight = nn.Parameter(torch.randn(case["classes"], case["dim"], device=device) * 0.01)
    embeddings = torch.randn(case["batch"], case["dim"], device=device, requires_grad=True)
    labels = torch.randint(case["classes"], (case["batch"],), device=device)
    rows = torch.arange(case["batch"], device=device)
    optimizer = torch.optim.SGD([weight], 0.1, momentum=0.9, weight_decay=5e-4, fused=best or None)
    loss_of = compiled_loss if best else arcface_loss

    def step():
        optimizer.zero_grad(set_to_none=True)
        embeddings.grad = None
        loss_of(embeddings, weight, labels, rows, dtype).backward()
        optimizer.step()

    return measured(case, step)


def network(case):
    device, dtype = case["device"], getattr(torch, case["precision"])
    torch.backends.cudnn.benchmark = True
    # PyTorch 2.13 corrupts its heap on a CPU with channels_last.
    layout = torch.contiguous_format if device == "cpu" else torch.channels_last
    net = Network(case["depth"], case["widthMultiplier"]).to(device, memory_format=layout)
    images = torch.randn(case["batch"], 3, 112, 112, device=device).to(memory_format=layout)
    best = case["peer"] == "pytorch-best"
    optimizer = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9, weight_decay=5e-4, fused=best or None)
    forward = torch.compile(net) if best else net

    def step():
        optimizer.zero_grad(set_to_none=True)
        forward(images, dtype).square().mean().backward()
        optimizer.step()

    return measured(case, step)


def main():
    for line in sys.stdin:
        case = json.loads(line)
        try:
            torch.manual_seed(1)
            answer = {"head": head, "network": network}[case["kind"]](case)
        except Exception as error:  # the other cases are worth having all the same
            answer = {"error": str(error).strip()[:300] or type(error).__name__}
        print(json.dumps(answer), flush=True)


main()
