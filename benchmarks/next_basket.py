"""Next baskets without dates, by the Reality Check protocol: `python -m benchmarks.next_basket --history H ...`.

All histories are visible, the next baskets of train members are labels, those of val members choose settings (with
`--tune`), and those of test members are judged, fold by fold. The JSON is method -> keyset -> metric, the mean over
the keyset's test members: recall = hits / |T|, NDCG with the ideal of all of T, PHR, whether there is any hit.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from benchmarks import peer_search, reality_check
from benchmarks.reality_check import Data, Fold
from membership.base import files, params, seeds
from membership.base.errors import ParamError, ProjectError
from membership.base.progress import bar
from membership.recommend import metrics, ordered, policy
from membership.recommend.policy import Recommender
from membership.stats import resample

KS = (10, 20)
LISTED = 100  # items in a stored prediction
METRICS = {
    "recall": "recall",
    "ndcg": "ndcg",
    "hit": "phr",
    "repeat_recall": "recall-repeat",
    "explore_recall": "recall-explore",
}
NAMES = {f"{ours}_at_{k}": f"{theirs}@{k}" for k, (ours, theirs) in product(KS, METRICS.items())}
TABLE = ["recall@10", "ndcg@10", "phr@10", "recall@20", "ndcg@20", "phr@20", "recall-repeat@10", "recall-explore@10"]
COMPARED = ("recall@10", "ndcg@10", "phr@10", "recall@20")
OURS = "ours"
PEERS = [name for name in peer_search.SPACES if name != "content"]  # items have no attributes here
NAMED = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
METHODS = (*PEERS, *NAMED, OURS)


@dataclass(frozen=True)
class Judged:
    """`outcomes`: a row a method, keyset and test member, metrics in columns; `chosen`: (method, keyset) -> settings.

    `chosen` holds what a search has found.
    """

    outcomes: pd.DataFrame
    chosen: dict[tuple[str, str], dict]


def main() -> None:
    """Run the benchmark, write the JSON and print the table."""
    given = _arguments()
    try:
        data = reality_check.read(given.history, given.future)
        folds = reality_check.folds(given.keysets, data)
        p = params.parse(params.read())
        judged = run(data, folds, given.methods, given.tune, p, given.predictions)
        files.write_json(given.out, nested(judged.outcomes))
    except ProjectError as error:
        sys.exit(str(error))
    sys.stdout.write(in_words(judged, p.seed) + "\n")


def run(data: Data, folds: list[Fold], methods: list[str], trials: int, p, predictions: Path | None) -> Judged:
    """Judge each of `methods` on the test members of each of `folds`; `trials` above 0 tunes them on val members.

    `p` are the parameters with stored settings; the first 100 items for test members go below the folder
    `predictions`, if one is given. Raises ParamError for an unknown method.
    """
    unknown = [name for name in methods if name not in METHODS]
    if unknown:
        raise ParamError(f"--methods: {', '.join(unknown)} unknown; there are: {', '.join(METHODS)}.")
    outcomes, chosen = [], {}
    with bar((), "methods x keysets", total=len(methods) * len(folds)) as progress:
        for name in methods:
            for fold, settings, recommender in _fitted(name, data, folds, trials, p):
                ids, _ = recommender.recommend(fold.test, LISTED)
                if predictions:
                    _store(predictions / name / fold.name, fold.test, ids, data.numbered)
                judged = judge(ids, fold, data)
                outcomes.append(judged.assign(method=name, keyset=fold.name))
                if trials and name not in NAMED:
                    chosen[name, fold.name] = settings
                progress.set_postfix_str(f"{name} {judged['recall@10'].mean():.4f}")
                progress.update()
    return Judged(pd.concat(outcomes, ignore_index=True), chosen)


def _fitted(name: str, data: Data, folds: list[Fold], trials: int, p) -> Iterator[tuple[Fold, dict, Recommender]]:
    """Yield each fold, the method's settings there, and the method, fitted: a peer anew only for new settings."""
    known, recommender, before = data.baskets, None, None
    for fold in folds:
        labels, val = data.futures.of(fold.train), data.futures.of(fold.val)
        if name == OURS:
            settings = ordered.search(known, labels, val, p, trials) if trials else None
            yield fold, settings, ordered.fit(known, labels, p, settings)
            continue
        peer = NAMED.get(name, {}).get("peer", name)
        settings = _settings(name, p)
        if trials and name in PEERS:
            settings = peer_search.search(name, known, val, p.seed, trials)
        if settings != before:
            recommender, before = policy.peer(peer, settings, known, seed=p.seed), settings
        yield fold, settings, recommender


def _settings(name: str, p) -> dict[str, Any]:
    named = NAMED.get(name)
    return named["settings"] if named else getattr(p.recommend.peers, name).model_dump()


def judge(ids: np.ndarray, fold: Fold, data: Data) -> pd.DataFrame:
    """Return metrics at 10 and 20 of `ids` (test members, at least 20), one row a member."""
    targets = data.futures.of(fold.test)
    frames = [metrics.per_member(ids, targets, data.baskets, k).set_index("member_id") for k in KS]
    return pd.concat(frames, axis=1).rename(columns=NAMES).reset_index()


def _store(path: Path, members: np.ndarray, ids: np.ndarray, numbered: bool) -> None:
    as_written = int if numbered else str
    lists = {member: [as_written(item) for item in row if item] for member, row in zip(members, ids, strict=True)}
    files.write_text(path, json.dumps(lists))


def nested(outcomes: pd.DataFrame) -> dict[str, dict[str, dict[str, float]]]:
    """Return method -> keyset -> metric -> mean over the test members."""
    means = outcomes.groupby(["method", "keyset"], sort=False).mean(numeric_only=True)
    return {
        method: {keyset: row.to_dict() for (_, keyset), row in rows.iterrows()}
        for method, rows in means.groupby(level="method", sort=False)
    }


def table(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return a row a method: the mean over keysets of each metric."""
    by_keyset = outcomes.groupby(["method", "keyset"], sort=False)[TABLE].mean()
    return by_keyset.groupby(level="method", sort=False).mean()


def against_best_peer(outcomes: pd.DataFrame, seed: int) -> list[str]:
    """Say for each metric how ours differs from the best peer; a member counts once, its mean over its keysets."""
    lines = []
    for metric in COMPARED:
        value = outcomes.pivot_table(metric, "member_id", "method")
        peer = value.drop(columns=OURS).mean().idxmax()
        rng = seeds.rng(seed, f"next-basket-{metric}")
        pair = resample.paired(value[peer], value[OURS], confidence=0.95, draws=10_000, power=0.8, rng=rng)
        lines.append(
            f"{metric}: ours {pair.treatment:.4f}, best peer {peer} {pair.control:.4f}; {pair.difference:+.4f} "
            f"({pair.difference / pair.control:+.1%}), 95 % interval {pair.bootstrap_low:+.4f} to "
            f"{pair.bootstrap_high:+.4f} (paired bootstrap over {pair.members} members)"
        )
    return lines


def in_words(judged: Judged, seed: int) -> str:
    """Return the table, the settings that a search has chosen, and ours against the best peer, as text."""
    found = table(judged.outcomes)
    lines = [found.round(4).to_string()]
    lines += [f"{method} on {keyset}: {_rounded(settings)}" for (method, keyset), settings in judged.chosen.items()]
    if OURS in found.index and len(found) > 1:
        lines += against_best_peer(judged.outcomes, seed)
    return "\n".join(lines)


def _rounded(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in settings.items()}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--history", type=Path, required=True, help="histories, JSON, plain or gzipped")
    parser.add_argument("--future", type=Path, required=True, help="next baskets, JSON, plain or gzipped")
    parser.add_argument("--keysets", type=Path, required=True, help="folder of keysets")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write: method -> keyset -> metric")
    parser.add_argument("--methods", type=lambda text: text.split(","), default=METHODS, help=", ".join(METHODS))
    parser.add_argument("--tune", type=int, default=0, metavar="N", help="trials on val; 0: stored settings")
    parser.add_argument("--predictions", type=Path, help="folder for the first 100 items a member")
    return parser.parse_args()


if __name__ == "__main__":
    main()
