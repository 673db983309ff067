"""One network trained by one process and by several: `python -m benchmarks.processes --out JSON`, after `dvc repro`.

The stored settings are trained on the rows of stage tune by one process, by PROCESSES on this machine (torchrun), and
by these again, and judged on the validation window. A second seed by one process says how much training varies.
Figures: rows a second (rows times epochs over the time of training, with the start of the processes), recall, and
whether the second time gave the same. By hand: `env $(python -m membership.base.kernels) python -m ...`.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from membership.base import engine, files, tables
from membership.base.errors import ProjectError
from membership.recommend import baskets, train, tune
from membership.recommend.model import Settings
from membership.settings import params

PROCESSES = 2


def run(members: int | None) -> pd.DataFrame:
    """Return a row a training: processes, seed, rows, seconds, rows_s, recall, and same (as the training before)."""
    p = params.load("tune")
    own = p.train if members is None else p.train.model_copy(update={"members": members})
    items = tables.read("items")
    events = baskets.of_products(engine.load(engine.connect(), "events"), items)
    task = tune.task(events, items, p.model_copy({"train": own}))
    found, before = [], np.empty(0)
    for processes, seed in ((1, p.seed), (1, p.seed + 1), (PROCESSES, p.seed), (PROCESSES, p.seed)):
        knobs, began = own.model_copy(update={"processes": processes}), time.perf_counter()
        model = train.network(task.samples, Settings(**own.settings.model_dump()), knobs, seed, p.device).model
        took, said = time.perf_counter() - began, model.logits(task.samples.inputs)
        rows = len(task.samples.bought)
        about = {"processes": processes, "seed": seed, "rows": rows, "seconds": round(took, 1)}
        judged = {"recall": task.recall(model), "same": np.array_equal(said, before)}
        found.append(about | {"rows_s": round(rows * own.epochs / took)} | judged)
        before = said
    return pd.DataFrame(found)


def main() -> None:
    """Train, write the JSON, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--members", type=int, help="learned from at most; default: train.members")
    given = parser.parse_args()
    try:
        found = run(given.members)
    except ProjectError as error:
        sys.exit(str(error))
    files.write_json(given.out, {"rows": found.to_dict(orient="records")})
    sys.stdout.write(found.to_string(index=False) + "\n")


if __name__ == "__main__":
    main()
