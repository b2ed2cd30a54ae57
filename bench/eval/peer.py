"""IJB 1:1 as insightface's eval_ijbc.py does it, with NumPy and scikit-learn; and the set that both sides read.

python peer.py make FOLDER SCALE   writes a set of IJB-C's size (SCALE 1) or a part of it
python peer.py measure FOLDER      prints seconds as JSON
"""

import json
import os
import resource
import sys
import time

import numpy as np

FACES, TEMPLATES, PAIRS, GENUINE, DIM = 469_375, 23_124, 15_658_489, 19_557, 512
FARS = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1]


def make(folder, scale):
    random = np.random.default_rng(1)
    faces, templates, pairs, genuine = (max(50, int(n * scale)) for n in (FACES, TEMPLATES, PAIRS, GENUINE))
    people = templates // 6 + 1
    owner = random.integers(people, size=templates)
    template = np.sort(np.concatenate([np.arange(templates), random.integers(templates, size=faces - templates)]))
    media = random.integers(6, size=faces)
    centres = random.standard_normal((people, DIM), dtype=np.float32)
    features = np.empty((faces, DIM), np.float32)
    for at in range(0, faces, 20_000):
        part = slice(at, at + 20_000)
        noise = random.standard_normal((len(template[part]), DIM), dtype=np.float32)
        features[part] = centres[owner[template[part]]] + 2 * noise
    order = np.argsort(owner, kind="stable")
    starts = np.searchsorted(owner[order], np.arange(people + 1))
    first = random.integers(templates, size=pairs)
    second = random.integers(templates, size=pairs)
    chosen = random.integers(pairs, size=genuine)
    own = owner[first[chosen]]
    second[chosen] = order[starts[own] + random.integers(1 << 30, size=genuine) % (starts[own + 1] - starts[own])]
    os.makedirs(folder, exist_ok=True)
    np.save(os.path.join(folder, "features.npy"), features)
    for name, values in {
        "templates.i32": template.astype("<i4"),
        "media.i32": media.astype("<i4"),
        "first.i32": first.astype("<i4"),
        "second.i32": second.astype("<i4"),
        "weights.f32": random.uniform(0.5, 1, faces).astype("<f4"),
        "genuine.u8": (owner[first] == owner[second]).astype("u1"),
    }.items():
        values.tofile(os.path.join(folder, name))


def templates_of(features, template, media):
    unique = np.unique(template)
    sums = np.zeros((len(unique), features.shape[1]))
    for count, t in enumerate(unique):
        (own,) = np.where(template == t)
        faces, medias = features[own], media[own]
        means = []
        for m in np.unique(medias):
            (of,) = np.where(medias == m)
            means.append(faces[of][0] if len(of) == 1 else np.mean(faces[of], axis=0, keepdims=False))
        sums[count] = np.sum(np.array(means), axis=0)
    return sums / np.linalg.norm(sums, axis=1, keepdims=True)


def scores_of(templates, first, second):
    scores = np.zeros(len(first))
    for at in range(0, len(first), 100_000):
        a, b = templates[first[at : at + 100_000]], templates[second[at : at + 100_000]]
        scores[at : at + 100_000] = np.sum(a * b, -1)
    return scores


def measure(folder):
    from sklearn.metrics import roc_curve

    load = lambda name, dtype: np.fromfile(os.path.join(folder, name), dtype)
    features = np.load(os.path.join(folder, "features.npy"))
    template, media = load("templates.i32", "<i4"), load("media.i32", "<i4")
    first, second, genuine = load("first.i32", "<i4"), load("second.i32", "<i4"), load("genuine.u8", "u1")
    features *= load("weights.f32", "<f4")[:, None]
    times = [time.perf_counter()]
    pooled = templates_of(features, template, media)
    times.append(time.perf_counter())
    scores = scores_of(pooled, first, second)
    times.append(time.perf_counter())
    fpr, tpr, _ = roc_curve(genuine, scores)
    fpr, tpr = np.flipud(fpr), np.flipud(tpr)
    tars = [float(tpr[np.argmin(np.abs(fpr - far))]) for far in FARS]
    times.append(time.perf_counter())
    pool, score, roc = np.diff(times)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"pool": pool, "score": score, "roc": roc, "tars": tars, "peakBytes": peak}))


if sys.argv[1] == "make":
    make(sys.argv[2], float(sys.argv[3]))
else:
    measure(sys.argv[2])
