"""Fit one recommender, let it recommend to everybody in a fresh process, and measure: `python recommend.py TASK FILE`.

Prints one JSON object. Runs under the interpreter of the project or of the peers. FILE.npz has the lines of `Baskets`
(member, item, basket, age) and its shape. Imports and reading are left out of the seconds, but are in the peak memory.
"""

import json
import resource
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
from scipy import sparse

K = 20  # items recommended to each member
FACTORS, ITERATIONS, NEIGHBOURS = 64, 15, 100
Recommend = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def main(task: str, path: Path) -> None:
    """Fit `task` to the lines in `path`, recommend, and print what it took."""
    warnings.simplefilter("ignore")  # of the peers, about numbers of threads
    lines = np.load(path)
    fit = TASKS[task](lines)
    wall, cpu = time.perf_counter(), time.process_time()
    recommend = fit()
    fitted = time.process_time() - cpu
    items, scores = recommend(np.arange(lines["shape"][0]))
    took = {"wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu, "fit_cpu_s": fitted}
    found = {"listed": float((items >= 0).mean()), "mean_score": float(np.asarray(scores, dtype=float)[:, 0].mean())}
    sys.stdout.write("\n" + json.dumps(took | {"peak_mb": _peak()} | found) + "\n")


def _item_knn(lines) -> Callable[[], Recommend]:
    from membership.recommend.peers.item_knn import Settings, item_knn
    from membership.recommend.peers.peer import Context

    known = _baskets(lines)
    settings = Settings(neighbours=NEIGHBOURS - 1, asymmetry=0.5, shrink=0.0, decay=1.0, own=1.0)  # and itself

    def fit():
        top = item_knn(known, settings, Context())(known)
        return lambda rows: top(rows, K)

    return fit


def _model(lines) -> Callable[[], Recommend]:
    """All of it, as in `benchmarks.next_basket`, with the stored settings; labels are the last baskets."""
    from benchmarks import contest, ordered
    from membership.settings import params

    p = params.parse(params.read(), contest.STORED | {"device": "cpu"})
    known = _baskets(lines)
    past, after = ordered.earlier(replace(known, cutoff=None, age=known.basket + 1), 1)

    def fit():
        recommender = ordered.fit(past, after, p)

        def recommend(rows):
            ids, scores = recommender.recommend(known.members[rows], K)
            return np.where(ids == "", -1, 0), scores

        return recommend

    return fit


def _implicit_item_knn(lines) -> Callable[[], Recommend]:
    from implicit.nearest_neighbours import CosineRecommender

    return _implicit(CosineRecommender(K=NEIGHBOURS), lines)


def _implicit_als(lines) -> Callable[[], Recommend]:
    from implicit.cpu.als import AlternatingLeastSquares

    return _implicit(AlternatingLeastSquares(factors=FACTORS, iterations=ITERATIONS, random_state=1), lines)


def _implicit(model, lines) -> Callable[[], Recommend]:
    member, item = lines["member"], lines["item"]
    counts = sparse.csr_matrix((np.ones(len(item), dtype=np.float32), (member, item)), shape=tuple(lines["shape"]))

    def fit():
        model.fit(counts, show_progress=False)
        return lambda rows: model.recommend(rows, counts[rows], N=K, filter_already_liked_items=False)

    return fit


def _baskets(lines):
    from membership.recommend.baskets import Baskets

    ids = (np.array([f"{number:08d}" for number in range(many)]) for many in lines["shape"])
    return Baskets(date(2024, 1, 1), *ids, *(lines[name] for name in ("member", "item", "basket", "age")))


def _peak() -> float:
    """Return the peak resident memory of this process, MB; `ru_maxrss` would start from its parent's."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(fields["VmHWM"].split()[0]) / 1024


TASKS = {
    "item_knn": _item_knn,
    "model": _model,
    "implicit_item_knn": _implicit_item_knn,
    "implicit_als": _implicit_als,
}

if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
