"""Short histories of one item a basket: `python -m benchmarks.thinned --out JSON`; see `thinned_data` for the sets.

On each set every peer has its stored settings, the model those of `contest.STORED`, and nothing is tuned; what ships is
chosen on members with a label. The JSON is set -> what was found; sets that it has already are not made again.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import chosen, contest, ordered, sequences, thinned_data
from benchmarks.contest import Exam
from membership.base import files, seeds
from membership.base.errors import ParamError, ProjectError
from membership.recommend.names import MODEL
from membership.recommend.peers import registry
from membership.settings import params
from membership.stats import resample

METRICS = ("recall@10", "ndcg@10")
SHIPPED = "shipped"
PEERS = [name for name in registry.names() if name != "content"]  # items have no attributes here
DRAWS = 4000  # of members, for intervals
DENSE = 10_000  # items up to which EASE takes part: it inverts a matrix of all of them


def main() -> None:
    """Make what is missing of the sets, write the JSON after each, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file: set -> what was found")
    parser.add_argument("--only", default=",".join(thinned_data.SETS), help="names of sets, with commas")
    parser.add_argument(
        "--peers", default=",".join(PEERS), help=f"names, with commas; also {', '.join(sequences.NAMES)}"
    )
    parser.add_argument("--against", default="", help="methods to compare with beside the best peer, with commas")
    given = parser.parse_args()
    against = [name for name in given.against.split(",") if name]
    folder = Path(os.environ.get("MEMBERSHIP_DATA", "../shared/data"))
    try:
        found = files.read_json(given.out) if given.out.exists() else {}
        for name in given.only.split(","):
            if name not in thinned_data.SETS:
                raise ParamError(f"--only: no set {name!r}; there are: {', '.join(thinned_data.SETS)}.")
            if name not in found:
                found[name] = run(name, folder, given.peers.split(","))
                files.write_json(given.out, found)
    except ProjectError as error:
        sys.exit(str(error))
    sys.stdout.write(table(found, against).to_string() + "\n\n" + pooled(found).to_string() + "\n")


def run(name: str, folder: Path, peers: list[str]) -> dict[str, Any]:
    """Return what set `name` shows: sizes, the choice, and each method's metrics of each member who is judged."""
    p = params.parse(params.read(), contest.STORED)
    data, fold = thinned_data.made(name, folder, p.seed)
    known = chosen.Known(data.baskets, data.futures.of(fold.train), data.futures.of(fold.val))
    exam = Exam(name, data.baskets, data.futures.of(fold.test))
    taking = [peer for peer in peers if peer != "ease" or len(data.baskets.items) <= DENSE]
    fitted = chosen.peers(data.baskets, [each for each in taking if each not in sequences.NAMES], p)
    model = ordered.fit(data.baskets, known.train, p)
    choice, shipped = chosen.choose(known, model, fitted, p)
    asked = data.baskets, known.train, known.val, fold.test, p.seed
    others = {each: sequences.fit(each, *asked)[1] for each in peers if each in sequences.NAMES}  # never ship
    methods = fitted | others | {MODEL: model, SHIPPED: shipped}
    judged = {each: _judged(recommender, exam) for each, recommender in methods.items()}
    bought = data.baskets.matrix().sign().multiply(data.futures.matrix).sum() / len(data.futures.members)
    return {
        "members": len(data.baskets.members),
        "judged": len(fold.test),
        "items": len(data.baskets.items),
        "baskets": float(data.baskets.sizes.mean()),
        "repeats": float(bought),
        "chosen": choice.policy,
        "compared": choice.compared.reset_index().to_dict("records"),
        "weights": choice.weights,
        "outcomes": judged,
    }


def _judged(recommender, exam: Exam) -> dict[str, list[float]]:
    ids, _ = recommender.recommend(exam.targets.members, max(contest.KS))
    return contest.judge(ids, exam)[list(METRICS)].round(6).to_dict("list")


def table(found: dict[str, Any], against: Sequence[str] = ()) -> pd.DataFrame:
    """Return a row a set and metric: the best peer on the judged members, and how the model and what ships differ.

    Then one for each of the peers `against` that the set was asked of. Differences are shares of the peer's mean, with
    95 % intervals over members.
    """
    rows = []
    for name, each in found.items():
        there = [peer for peer in against if peer in each["outcomes"]]
        pairs = [
            (metric, peer) for metric in METRICS for peer in dict.fromkeys([best(each["outcomes"], metric), *there])
        ]
        for metric, peer in pairs:
            shares = _shares(each["outcomes"], metric, peer)
            row = {"set": name, "metric": metric, "judged": each["judged"], "chosen": each["chosen"], "peer": peer}
            row["of_peer"] = np.mean(each["outcomes"][peer][metric])
            for method, share in shares.items():
                row |= {method: share.mean(), f"{method}_95": _interval(share, f"{name}-{metric}-{method}")}
            rows.append(row)
    return pd.DataFrame(rows).set_index(["set", "metric"]).round(4)


def pooled(found: dict[str, Any]) -> pd.DataFrame:
    """Return the same over the members of all sets together, each set against its own best peer."""
    rows = []
    for metric in METRICS:
        every = [each["outcomes"] for each in found.values()]
        parts = [_shares(outcomes, metric, best(outcomes, metric)) for outcomes in every]
        row = {"metric": metric, "judged": sum(len(part[MODEL]) for part in parts)}
        for method in (MODEL, SHIPPED):
            share = np.concatenate([part[method] for part in parts])
            row |= {method: share.mean(), f"{method}_95": _interval(share, f"all-{metric}-{method}")}
        rows.append(row)
    return pd.DataFrame(rows).set_index("metric").round(4)


def best(outcomes: dict[str, dict[str, list[float]]], metric: str) -> str:
    """Return the peer with the highest mean of `metric`, of equal ones the first."""
    peers = [name for name in outcomes if name not in (MODEL, SHIPPED)]
    return max(peers, key=lambda name: np.mean(outcomes[name][metric]))


def _shares(outcomes: dict[str, dict[str, list[float]]], metric: str, peer: str) -> dict[str, np.ndarray]:
    """Return each member's difference to `peer` of the model and of what ships, over the peer's mean."""
    values = {name: np.array(outcomes[name][metric]) for name in (MODEL, SHIPPED, peer)}
    unit = values[peer].mean() or 1.0
    return {name: (values[name] - values[peer]) / unit for name in (MODEL, SHIPPED)}


def _interval(values: np.ndarray, name: str) -> str:
    means = resample.bootstrap_means(values, DRAWS, seeds.rng(0, name))
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{low:+.3f} to {high:+.3f}"


if __name__ == "__main__":
    main()
