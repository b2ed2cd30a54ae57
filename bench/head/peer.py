"""One measurement of a PyTorch head: python head.py PEER JSON. Prints {"seconds", "peakExtraBytes", "note"}."""

import ctypes
import json
import sys
import time

DIM = 512
SCALE = 64.0
MARGIN = 0.5
# Seconds after which a slow peer is not asked again.
LONGEST = 30.0


def keep_memory():
    """Keeps glibc from returning memory to the system: page faults cost PyTorch a third of its time, or far more."""
    try:
        libc = ctypes.CDLL("libc.so.6")
        # M_MMAP_THRESHOLD (beyond it a mapping of large pages for each), M_TRIM_THRESHOLD (never), M_TOP_PAD.
        for option, value in ((-3, 1 << 30), (-1, -1), (-2, 1 << 26)):
            libc.mallopt(option, value)
    except OSError:
        pass


def limit_memory():
    """Lets an allocation fail where the machine's memory ends, before the system ends this process."""
    try:
        import resource

        with open("/proc/meminfo") as lines:
            available = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
        resource.setrlimit(resource.RLIMIT_DATA, (available - (512 << 20),) * 2)
    except (ImportError, OSError, StopIteration, ValueError):
        pass


def status(field):
    with open("/proc/self/status") as lines:
        for line in lines:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    return None


def main():
    peer, options = sys.argv[1], json.loads(sys.argv[2])
    limit_memory()
    if peer != "pytorch":
        keep_memory()
    import torch
    import torch.nn.functional as F

    bf16 = options["dtype"] == "bfloat16"
    batch, classes = options["batch"], options["classes"]
    torch.manual_seed(1)
    weight = torch.nn.Parameter(torch.randn(classes, DIM) * 0.01)
    embeddings = torch.randn(batch, DIM, requires_grad=True)
    labels = torch.randint(classes, (batch,))
    fused = {} if peer == "pytorch" else {"fused": True}
    optimizer = torch.optim.SGD([weight], lr=0.1, momentum=0.9, weight_decay=5e-4, **fused)
    rows = torch.arange(batch)

    def usual():
        """As published heads are written: angles of all logits, margin on the targets, cosines again."""
        cosines = F.linear(F.normalize(embeddings), F.normalize(weight)).clamp(-1 + 1e-7, 1 - 1e-7)
        angles = torch.acos(cosines)
        margins = torch.zeros_like(angles)
        margins[rows, labels] = MARGIN
        return F.cross_entropy(torch.cos(angles + margins) * SCALE, labels)

    def best():
        """The margin on the targets alone, by the addition theorem; products in the case's precision."""
        unit, centres = F.normalize(embeddings), F.normalize(weight)
        if bf16:
            cosines = F.linear(unit.bfloat16(), centres.bfloat16()).float()
        else:
            cosines = F.linear(unit, centres)
        target = cosines[rows, labels].clamp(-1 + 1e-7, 1 - 1e-7)
        moved = target * torch.cos(torch.tensor(MARGIN)) - (1 - target * target).sqrt() * torch.sin(
            torch.tensor(MARGIN)
        )
        logits = (cosines * SCALE).index_put((rows, labels), moved * SCALE)
        return F.cross_entropy(logits, labels)

    def linear_cross_entropy(**chunking):
        """PyTorch's fused loss, without any margin: an easier problem."""
        unit, centres = F.normalize(embeddings) * SCALE, F.normalize(weight)
        if bf16:
            unit, centres = unit.bfloat16(), centres.bfloat16()
        return F.linear_cross_entropy(unit, centres, labels, **chunking)

    if peer.startswith("linear-cross-entropy"):
        if not hasattr(F, "linear_cross_entropy"):
            print(json.dumps({"seconds": None, "peakExtraBytes": None, "note": "not in this PyTorch"}))
            return
        chunking = {}
        if peer.endswith("-chunked"):
            chunking = {"options": torch.nn.LinearCrossEntropyOptions()}
        loss_of = lambda: linear_cross_entropy(**chunking)  # noqa: E731
    else:
        loss_of = usual if peer == "pytorch" else best

    for state in [weight]:
        optimizer.state[state]["momentum_buffer"] = torch.zeros_like(state) + 0.0
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
        before = status("VmRSS")
    except OSError:
        before = None
    warm = 1 if options["repeats"] <= 3 else 2
    times = []
    for _ in range(options["repeats"] + warm):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        embeddings.grad = None
        loss = loss_of()
        loss.backward()
        optimizer.step()
        times.append(time.perf_counter() - start)
        # As users run it each step is like the first; at their best the others need one more that has its memory, unless
        # it makes no difference any more.
        enough = 1 if peer == "pytorch" or times[0] > 3 * LONGEST else warm + 1
        if sum(times) > LONGEST and len(times) >= enough:
            break
    note = {} if times[warm:] else {"note": "first step"}
    times = sorted(times[warm:] or times[-1:])
    peak = None if before is None else status("VmHWM") - before
    print(json.dumps({"seconds": times[len(times) // 2], "peakExtraBytes": peak, **note}))


try:
    main()
except (MemoryError, RuntimeError) as error:
    if "memory" not in str(error).lower():
        raise
    print(json.dumps({"seconds": None, "peakExtraBytes": None, "note": "does not fit"}))
