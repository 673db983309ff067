"""What the next-basket benchmarks share: methods recommend to the members of each exam, are judged, and compared.

An exam is a keyset, or a cut-off. Lists can be stored, and those of an earlier run be judged again beside new ones. A
member who sits several exams counts once, by its mean over them; methods are compared member by member.
"""

import argparse
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from membership.base import files, seeds
from membership.base.errors import DataError, ParamError
from membership.base.progress import bar
from membership.recommend import metrics
from membership.recommend.baskets import Baskets, Targets
from membership.recommend.names import MODEL
from membership.recommend.policy import Recommender
from membership.stats import resample

KS = (10, 20)
LISTED = 100  # items in a stored list
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
OURS = "ours"  # what ships; it and the model alone are no peers of each other
STORED = {  # settings of ours that the figures of the README are measured with, whatever `params.yaml` has
    "train.settings": {"learning_rate": 0.01, "weight_decay": 0.01, "dropout": 0.0, "hidden": 64}
}


@dataclass(frozen=True)
class Exam:
    """What the members of `targets` buy next is asked, and the histories `known` may be used; `name` is of a file."""

    name: str
    known: Baskets
    targets: Targets


@dataclass(frozen=True)
class Results:
    """`outcomes`: a row a method, exam and member, with its metrics; `chosen`: (method, exam) -> settings of a search;
    `seconds`: method -> CPU seconds of its searches, fits and lists.
    """

    outcomes: pd.DataFrame
    chosen: dict[tuple[str, str], dict]
    seconds: dict[str, float]


Fitted = Callable[[str], Iterator[tuple[dict | None, Recommender]]]


def run(
    exams: Sequence[Exam], methods: Sequence[str], fitted: Fitted, lists: Path | None = None, whole: bool = False
) -> Results:
    """Judge each of `methods` in each of `exams`.

    `fitted(method)` yields for each exam the settings that a search has found, if any, and the fitted method. The
    first 100 items go below the folder `lists`, if one is given, as whole numbers if `whole`.
    """
    outcomes, chosen, seconds = [], {}, {}
    with bar((), "methods x exams", total=len(methods) * len(exams)) as progress:
        for name in methods:
            before = _cpu()
            for exam, (settings, recommender) in zip(exams, fitted(name), strict=True):
                ids, _ = recommender.recommend(exam.targets.members, LISTED)
                if lists:
                    store(lists / name / exam.name, exam.targets.members, ids, whole)
                outcomes.append(judge(ids, exam).assign(method=name, exam=exam.name))
                if settings is not None:
                    chosen[name, exam.name] = settings
                progress.set_postfix_str(f"{name} {outcomes[-1]['recall@10'].mean():.4f}")
                progress.update()
            seconds[name] = _cpu() - before
    return Results(pd.concat([pd.DataFrame(), *outcomes], ignore_index=True), chosen, seconds)


def _cpu() -> float:
    return sum(os.times()[:4])  # with that of workers that have ended


def judge(ids: np.ndarray, exam: Exam) -> pd.DataFrame:
    """Return metrics at 10 and 20 of `ids` (members of the exam, at least 20), one row a member."""
    frames = [metrics.per_member(ids, exam.targets, exam.known, k).set_index("member_id") for k in KS]
    return pd.concat(frames, axis=1).rename(columns=NAMES).reset_index()


def store(path: Path, members: np.ndarray, ids: np.ndarray, whole: bool = False) -> None:
    """Write `{member: [item, ...]}` to `path`; items are whole numbers if `whole`, else text."""
    as_written = int if whole else str
    lists = {member: [as_written(item) for item in row if item] for member, row in zip(members, ids, strict=True)}
    files.write_text(path, json.dumps(lists))


def stored(folder: Path, exams: Sequence[Exam], but: Sequence[str]) -> pd.DataFrame:
    """Judge the lists that a run has left below `folder`, of all methods there except `but`.

    Raises DataError, naming the file, where lists of an exam or of a member are missing.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; --judge takes one that --predictions has filled.")
    found = [each.name for each in sorted(folder.iterdir()) if each.is_dir() and each.name not in but]
    judged = [
        judge(_read(folder / name / exam.name, exam.targets.members), exam).assign(method=name, exam=exam.name)
        for name, exam in product(found, exams)
    ]
    return pd.concat([pd.DataFrame(), *judged], ignore_index=True)


def _read(path: Path, members: np.ndarray) -> np.ndarray:
    try:
        lists = json.loads(path.read_text(encoding="utf-8"))
        rows = [([str(item) for item in lists[member]] + [""] * LISTED)[:LISTED] for member in members]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"{path}: does not hold a list of items for every member ({type(error).__name__}: {error}); expected "
            "{member: [item, ...]}: run the method again with --predictions, or take its folder away."
        ) from error
    return np.array(rows)


def nested(outcomes: pd.DataFrame) -> dict[str, dict[str, dict[str, float]]]:
    """Return method -> exam -> metric -> mean over the members."""
    means = outcomes.groupby(["method", "exam"], sort=False).mean(numeric_only=True)
    return {
        method: {exam: row.to_dict() for (_, exam), row in rows.iterrows()}
        for method, rows in means.groupby(level="method", sort=False)
    }


def table(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Return a row a method, the best last: the mean over exams of each metric."""
    by_exam = outcomes.groupby(["method", "exam"], sort=False)[TABLE].mean()
    return by_exam.groupby(level="method", sort=False).mean().sort_values(TABLE[0])


def against_peers(outcomes: pd.DataFrame, seed: int, named: Sequence[str] = ()) -> pd.DataFrame:
    """Return how ours differs from the best peer there and from those `named`, in all exams together and in each.

    A row an exam ("all" first), metric and peer, the best one first: exam, metric, members, ours, peer (its name),
    of_peer, difference, share (of the peer's), low and high (95 % interval of the difference, paired bootstrap over
    members).
    """
    rows = []
    for exam, part in (("all", outcomes), *outcomes.groupby("exam", sort=False)):
        for metric in COMPARED:
            value = part.pivot_table(metric, "member_id", "method")
            best = value.drop(columns=[OURS, MODEL], errors="ignore").mean().idxmax()
            for peer in dict.fromkeys([best, *named]):
                rng = seeds.rng(seed, f"{exam}-{metric}")
                pair = resample.paired(value[peer], value[OURS], confidence=0.95, draws=10_000, power=0.8, rng=rng)
                figures = {"ours": pair.treatment, "peer": peer, "of_peer": pair.control, "difference": pair.difference}
                interval = {"low": pair.bootstrap_low, "high": pair.bootstrap_high}
                share = {"share": pair.difference / pair.control if pair.control else np.nan}
                rows.append({"exam": exam, "metric": metric, "members": pair.members, **figures, **share, **interval})
    return pd.DataFrame(rows)


def in_words(judged: Results, seed: int, against: Sequence[str] = ()) -> str:
    """Return as text: the table, recall in each exam, what searches chose, CPU seconds, and ours against the peers.

    These are the best one, and those named in `against`. Raises ParamError where one of the latter was not judged.
    """
    found = table(judged.outcomes)
    by_exam = judged.outcomes.pivot_table("recall@10", "method", "exam", sort=False).loc[found.index]
    parts = [found.round(4).to_string(), "recall@10 in each\n" + by_exam.round(4).to_string()]
    parts += ["\n".join(f"{name} on {exam}: {_rounded(held)}" for (name, exam), held in judged.chosen.items())]
    if judged.seconds:
        parts += ["CPU seconds: " + ", ".join(f"{name} {taken:.0f}" for name, taken in judged.seconds.items())]
    if OURS in found.index and len(found.index.difference([OURS, MODEL])):
        check(against, found.index, "--against")
        compared = against_peers(judged.outcomes, seed, against).round(4)
        parts += ["Ours against the best peer, paired by member, 95 % intervals\n" + compared.to_string(index=False)]
    return "\n\n".join(part for part in parts if part)


def _rounded(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in settings.items()}


def add_arguments(parser: argparse.ArgumentParser, methods: Sequence[str], more: Sequence[str] = ()) -> None:
    """Add the options that all these benchmarks have; all `methods` run unless some are named, `more` only then."""
    add = parser.add_argument
    add("--out", type=Path, required=True, help="JSON file to write: method -> exam -> metric")
    add("--methods", type=_listed, default=list(methods), help=", ".join([*methods, *more]))
    add("--tune", type=int, default=0, metavar="N", help="trials on validation baskets; 0: stored settings")
    add("--predictions", type=Path, metavar="DIR", help="write the first 100 items a member below DIR")
    add("--against", type=_listed, default=[], help="peers that ours is compared with, beside the best one")
    add("--judge", type=Path, metavar="DIR", help="judge what methods not run now have left below DIR, too")


def _listed(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def check(methods: Sequence[str], known: Sequence[str], option: str = "--methods") -> None:
    """Raise ParamError for a method in `option` that is not `known`."""
    unknown = [name for name in methods if name not in known]
    if unknown:
        raise ParamError(f"{option}: {', '.join(unknown)} unknown; there are: {', '.join(known)}.")


def finish(judged: Results, exams: Sequence[Exam], given: argparse.Namespace, seed: int) -> str:
    """Judge the lists in `given.judge`, too, write the JSON and return what there is to say."""
    if given.judge:
        both = [stored(given.judge, exams, given.methods), judged.outcomes]
        judged = replace(judged, outcomes=pd.concat(both, ignore_index=True))
    if judged.outcomes.empty:
        raise ParamError("--methods: none, and no lists to judge; name a method, or a folder with --judge.")
    files.write_json(given.out, nested(judged.outcomes))
    return in_words(judged, seed, given.against)
