"""One measurement of PyTorch's DataLoader: python data.py PEER JSON. Prints {"seconds", "peakExtraBytes", "cpuSeconds"}.

dataloader       as users write it: a float32 tensor for each sample, the default collate
dataloader-best  batches decoded whole into one shared uint8 tensor, persistent workers, prefetching, OpenCV's RGB
"""

import json
import os
import pathlib
import struct
import sys
import threading
import time

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

SIDE = 112
WARM_UP = 40
AREA = (0.2, 1.0)
ASPECT = (0.75, 1.3333)
INTERPOLATIONS = [cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_AREA, cv2.INTER_CUBIC]


def read_index(root):
    """The index as MXNet's IndexedRecordIO reads it."""
    offsets = {}
    with open(root / "train.idx") as lines:
        for line in lines:
            key, offset = line.strip().split("\t")
            offsets[int(key)] = int(offset)
    return offsets


def read_record(file, offset):
    file.seek(offset)
    _, length = struct.unpack("<II", file.read(8))
    payload = file.read(length & 0x3FFFFFFF)
    flag, label, _, _ = struct.unpack_from("<IfQQ", payload)
    labels = struct.unpack_from(f"<{flag}f", payload, 24) if flag else (label,)
    return labels, payload[24 + 4 * flag :]


def augment(image, rng):
    """AdaFace's crop, low resolution and photometric changes, each on a fifth of the images."""
    if rng.random() < 0.2:
        share, ratio = rng.uniform(*AREA), np.exp(rng.uniform(*np.log(ASPECT)))
        width = max(1, min(SIDE, round(SIDE * np.sqrt(share * ratio))))
        height = max(1, min(SIDE, round(SIDE * np.sqrt(share / ratio))))
        left, top = rng.integers(SIDE - width + 1), rng.integers(SIDE - height + 1)
        cropped = np.zeros_like(image)
        cropped[top : top + height, left : left + width] = image[top : top + height, left : left + width]
        image = cropped
    if rng.random() < 0.2:
        small = max(1, round(SIDE * rng.uniform(0.2, 1.0)))
        image = cv2.resize(image, (small, small), interpolation=INTERPOLATIONS[rng.integers(4)])
        image = cv2.resize(image, (SIDE, SIDE), interpolation=INTERPOLATIONS[rng.integers(4)])
    if rng.random() < 0.2:
        for which in rng.permutation(3):
            factor = rng.uniform(0.5, 1.5)
            if which == 0:
                image = cv2.convertScaleAbs(image, alpha=factor)
            elif which == 1:
                mean = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).mean()
                image = cv2.addWeighted(image, factor, image, 0, (1 - factor) * mean)
            else:
                grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
                image = cv2.addWeighted(image, factor, grey, 1 - factor, 0)
    return image


class Faces(Dataset):
    def __init__(self, root, length, augmented):
        self.path = root / "train.rec"
        offsets = read_index(root)
        with open(self.path, "rb") as file:
            labels, _ = read_record(file, offsets[0])
        self.offsets = [offsets[key] for key in range(1, int(labels[0]))]
        self.length = length
        self.augmented = augmented
        self.file = None

    def __len__(self):
        return self.length

    def record(self, index):
        if self.file is None:
            self.file = open(self.path, "rb")
            self.rng = np.random.default_rng(torch.initial_seed() % 2**32)
        return read_record(self.file, self.offsets[index % len(self.offsets)])


class UsualFaces(Faces):
    def __getitem__(self, index):
        labels, encoded = self.record(index)
        image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
        image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        if self.augmented:
            image = augment(image, self.rng)
        if self.rng.random() < 0.5:
            image = image[:, ::-1]
        tensor = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float()
        return tensor.div_(255).sub_(0.5).div_(0.5), torch.tensor(int(labels[0]), dtype=torch.long)


class BatchFaces(Faces):
    """Fetches whole batches: decoded straight after each other, copied once into memory that both processes see."""

    def __getitems__(self, indices):
        bytes_ = SIDE * SIDE * 3
        storage = torch.UntypedStorage._new_shared(len(indices) * bytes_)
        images = torch.tensor([], dtype=torch.uint8).set_(storage, 0, (len(indices), SIDE, SIDE, 3))
        pixels = images.numpy()
        labels = np.empty(len(indices), np.int64)
        for i, index in enumerate(indices):
            found, encoded = self.record(index)
            image = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR_RGB)
            pixels[i] = augment(image, self.rng) if self.augmented else image
            labels[i] = found[0]
        flips = self.rng.integers(0, 2, len(indices), dtype=np.uint8)
        return images, torch.from_numpy(labels), torch.from_numpy(flips)


def identity(batch):
    return batch


def worker(_):
    torch.set_num_threads(1)
    cv2.setNumThreads(0)


def processes():
    pids = [os.getpid()]
    for task in pathlib.Path("/proc/self/task").iterdir():
        try:
            pids += (task / "children").read_text().split()
        except OSError:
            pass
    return pids


def cpu_seconds():
    """Processor time of this process and its children."""
    ticks = 0
    for pid in processes():
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class Memory(threading.Thread):
    """The memory of this process and its children, shared pages counted once."""

    def __init__(self):
        super().__init__(daemon=True)
        self.before = self.now()
        self.peak = self.before

    @staticmethod
    def now():
        total = 0
        for pid in processes():
            try:
                for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                    if line.startswith("Pss:"):
                        total += int(line.split()[1]) * 1024
            except OSError:
                pass
        return total

    def run(self):
        while True:
            self.peak = max(self.peak, self.now())
            time.sleep(0.5)

    def extra(self):
        return max(self.peak, self.now()) - self.before


def measure_loader(peer, options):
    memory = Memory()
    memory.start()
    root, batch, images = pathlib.Path(options["root"]), options["batchSize"], options["images"]
    best = peer == "dataloader-best"
    # Longer than what is timed, so that no worker has ended by then.
    length = images + (WARM_UP + 40) * batch
    faces = (BatchFaces if best else UsualFaces)(root, length, bool(options["augment"]))
    extras = {"collate_fn": identity, "persistent_workers": True, "prefetch_factor": 4} if best else {}
    loader = DataLoader(
        faces,
        batch_size=batch,
        shuffle=True,
        num_workers=options["workers"],
        drop_last=True,
        worker_init_fn=worker,
        **extras,
    )
    start = cpu_start = timed = 0
    # Held, so that the end of its workers is not part of the time.
    batches = iter(loader)
    for index, (pixels, *_) in enumerate(batches):
        if index < WARM_UP:
            start, cpu_start = time.perf_counter(), cpu_seconds()
        else:
            timed += len(pixels)
        if timed >= images:
            break
    share = images / timed
    return {
        "seconds": (time.perf_counter() - start) * share,
        "cpuSeconds": (cpu_seconds() - cpu_start) * share,
        "peakExtraBytes": memory.extra(),
    }


def measure_opening(options):
    """What insightface's data set does, and the count of images per class that the margins need."""
    memory = Memory()
    root = pathlib.Path(options["root"])
    start, cpu_start = time.perf_counter(), cpu_seconds()
    offsets = read_index(root)
    with open(root / "train.rec", "rb") as file:
        first, end = (int(label) for label in read_record(file, offsets[0])[0])
        ranges = [read_record(file, offsets[key])[0] for key in range(first, end)]
    counts = np.array([int(to) - int(since) for since, to in ranges])
    seconds = time.perf_counter() - start
    assert counts.sum() == first - 1
    return {"seconds": seconds, "peakExtraBytes": memory.extra(), "cpuSeconds": cpu_seconds() - cpu_start}


def main():
    peer, options = sys.argv[1], json.loads(sys.argv[2])
    figures = measure_opening(options) if options["work"] == "open" else measure_loader(peer, options)
    print(json.dumps(figures))


main()
