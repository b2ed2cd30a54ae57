"""The evaluations of the field as they are done elsewhere, with NumPy, scikit-learn and faiss.

python peer.py make-ijb FOLDER SCALE   writes a set of IJB-C's size (SCALE 1) or a part of it
python peer.py ijb FOLDER              IJB 1:1 as insightface's eval_ijbc.py does it
python peer.py folds FILE              ten folds as insightface's verification.py does them
python peer.py megaface FOLDER THREADS the best distractor of every probe by faiss
Each prints seconds as JSON.
"""

import json
import os
import resource
import sys
import time

import numpy as np

FACES, TEMPLATES, PAIRS, GENUINE, DIM = 469_375, 23_124, 15_658_489, 19_557, 512
FARS = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1]


def make_ijb(folder, scale):
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
        features[part] = centres[owner[template[part]]] + 9 * noise
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


def ijb(folder):
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


def right(distances, same, threshold):
    predicted = np.less(distances, threshold)
    tp = np.sum(np.logical_and(predicted, same))
    fp = np.sum(np.logical_and(predicted, np.logical_not(same)))
    tn = np.sum(np.logical_and(np.logical_not(predicted), np.logical_not(same)))
    fn = np.sum(np.logical_and(np.logical_not(predicted), same))
    tpr = 0 if tp + fn == 0 else float(tp) / float(tp + fn)
    fpr = 0 if fp + tn == 0 else float(fp) / float(fp + tn)
    return tpr, fpr, float(tp + tn) / distances.size


def val_far(distances, same, threshold):
    predicted = np.less(distances, threshold)
    accepted = np.sum(np.logical_and(predicted, same))
    let_in = np.sum(np.logical_and(predicted, np.logical_not(same)))
    return float(accepted) / float(np.sum(same)), float(let_in) / float(np.sum(np.logical_not(same)))


def threshold_at(fars, thresholds, target):
    """Linear between the last FAR at most the target and the next, as SciPy's interp1d did it."""
    if np.max(fars) < target:
        return 0.0
    i = np.flatnonzero(fars <= target)[-1]
    if fars[i] == target or i + 1 == len(fars):
        return thresholds[i]
    return thresholds[i] + (thresholds[i + 1] - thresholds[i]) * (target - fars[i]) / (fars[i + 1] - fars[i])


def ten_folds(embeddings, same):
    from sklearn.model_selection import KFold

    embeddings = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    first, second = embeddings[0::2], embeddings[1::2]
    folds = KFold(n_splits=10, shuffle=False)
    distances = np.sum(np.square(np.subtract(first, second)), 1)
    thresholds = np.arange(0, 4, 0.01)
    tprs, fprs = np.zeros((10, len(thresholds))), np.zeros((10, len(thresholds)))
    accuracy = np.zeros(10)
    for f, (train, test) in enumerate(folds.split(np.arange(len(same)))):
        on_train = np.zeros(len(thresholds))
        for t, threshold in enumerate(thresholds):
            _, _, on_train[t] = right(distances[train], same[train], threshold)
        best = np.argmax(on_train)
        for t, threshold in enumerate(thresholds):
            tprs[f, t], fprs[f, t], _ = right(distances[test], same[test], threshold)
        _, _, accuracy[f] = right(distances[test], same[test], thresholds[best])
    fine = np.arange(0, 4, 0.001)
    val = np.zeros(10)
    for f, (train, test) in enumerate(folds.split(np.arange(len(same)))):
        fars = np.zeros(len(fine))
        for t, threshold in enumerate(fine):
            _, fars[t] = val_far(distances[train], same[train], threshold)
        val[f], _ = val_far(distances[test], same[test], threshold_at(fars, fine, 1e-3))
    return np.mean(accuracy), np.mean(val)


def report(**figures):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({**{key: float(value) for key, value in figures.items()}, "peakBytes": peak}))


def folds(file):
    same = np.fromfile(f"{file}.u8", "u1").astype(bool)
    embeddings = np.fromfile(f"{file}.f32", "<f4").reshape(2 * len(same), -1)
    ten_folds(embeddings[:400], np.tile([True, False], 100))  # warm
    started = time.perf_counter()
    accuracy, val = ten_folds(embeddings, same)
    report(seconds=time.perf_counter() - started, accuracy=accuracy, val=val)


def megaface(folder, threads):
    import faiss

    faiss.omp_set_num_threads(threads)
    probes = np.load(os.path.join(folder, "facescrub.npy"))
    index = faiss.IndexFlatIP(probes.shape[1])
    distractors = np.load(os.path.join(folder, "megaface.npy"), mmap_mode="r")
    for at in range(0, len(distractors), 50_000):
        index.add(np.ascontiguousarray(distractors[at : at + 50_000]))
    index.search(probes[:64], 1)  # warm
    started, cpu = time.perf_counter(), time.process_time()
    best, _ = index.search(probes, 1)
    seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
    with open(os.path.join(folder, "facescrub_lst")) as lines:
        people = [line.split("/")[0] for line in lines]
    hits = pairs = 0
    for i, person in enumerate(people):
        mate = next((j for j, other in enumerate(people) if other == person and j != i), None)
        if mate is not None:
            pairs += 1
            hits += float(probes[i] @ probes[mate]) >= best[i, 0]
    report(seconds=seconds, cpuSeconds=cpu, rank1=hits / pairs)


command, *rest = sys.argv[1:]
if command == "make-ijb":
    make_ijb(rest[0], float(rest[1]))
elif command == "megaface":
    megaface(rest[0], int(rest[1]))
else:
    {"ijb": ijb, "folds": folds}[command](rest[0])
