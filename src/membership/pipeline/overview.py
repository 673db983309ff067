"""Where the pipeline stands: what each stage asks, whether it was possible, when it last ran and how long it took."""

from collections import defaultdict

import pandas as pd

from membership.base import absent, graph
from membership.pipeline import track
from membership.report import pages, words
from membership.settings import params

_LONGEST = 3  # stages that are named


def stages() -> pd.DataFrame:
    """Return a row a stage, in order: question, state (done | not possible | not run), last_run (UTC), minutes."""
    rows = {}
    for node in graph.nodes():
        found, run = pages.metrics(node.name), track.latest(node.name)
        rows[node.name] = {
            "question": pages.title(node.notebook),
            "state": "not possible" if absent.KEY in found else "not run" if run is None else "done",
            "last_run": None if run is None else pd.Timestamp(run.info.start_time, unit="ms").floor("s"),
            "minutes": None if run is None else run.data.metrics.get("duration_s", float("nan")) / 60,
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("stage")


def last_words() -> str:
    """Return what `make repro` ends with: the answer, where to look, how long it took."""
    known = stages()
    lacking = known["state"] == "not possible"
    numbers = defaultdict(dict, {stage: pages.metrics(stage) for stage in known.index[~lacking]})
    took = known["minutes"].astype(float).fillna(0.0)
    return words.render(
        "last_words",
        numbers=numbers,
        reasons=list(known.index[lacking]),
        currency=params.parse(params.read()).dataset.currency,
        actions="reports/private/actions.csv",
        minutes=took.sum(),
        longest=list(took.nlargest(_LONGEST).index),
    )
