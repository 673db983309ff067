"""The last lines of `make repro`: the answer, where to look, how long it took."""

from collections import defaultdict

from membership.base import absent, graph, paths
from membership.pipeline import track
from membership.report import pages, words
from membership.settings import params

_LONGEST = 3  # stages that are named


def lines() -> str:
    """Return them, from what is stored and from the runs that made it."""
    stages = [node.name for node in graph.nodes()]
    reasons = absent.reasons(paths.reports("metrics"), stages)
    numbers = defaultdict(dict, {stage: pages.metrics(stage) for stage in stages if stage not in reasons})
    runs = {stage: track.latest(stage) for stage in stages}
    took = {stage: run.data.metrics.get("duration_s", 0.0) for stage, run in runs.items() if run is not None}
    longest = sorted(took, key=took.get, reverse=True)[:_LONGEST]
    return words.render(
        "ended",
        numbers=numbers,
        reasons=list(reasons),
        currency=params.parse(params.read()).dataset.currency,
        actions="reports/actions.csv",
        minutes=sum(took.values()) / 60,
        longest=longest,
    )
