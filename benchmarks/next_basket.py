"""Next baskets without dates, by the Reality Check protocol: `python -m benchmarks.next_basket --history H ...`.

All histories are visible, the next baskets of train members are labels, those of val members choose settings (with
`--tune`), and those of test members are judged, fold by fold. What ships (`ours`) is the model, the stack or a peer
with stored settings, chosen on train and val members (`chosen`); `model` is the model alone. Sequence models
(`sequences`) take part where they are named, since they need `make peers`. The JSON is method -> keyset -> metric, the
mean over the keyset's test members: recall = hits / |T|, NDCG with the ideal of all of T, PHR, whether any is a hit.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from benchmarks import chosen, contest, ordered, peer_search, reality_check, sequences
from benchmarks.contest import OURS, Exam, Results
from benchmarks.reality_check import Data, Fold
from membership.base.errors import ProjectError
from membership.recommend import policies
from membership.recommend.names import MODEL
from membership.recommend.peers.registry import PEERS
from membership.recommend.policy import Recommender
from membership.settings import params

SEARCHED = [name for name in PEERS if name != "content"]  # items have no attributes here
NAMED = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
METHODS = (*SEARCHED, *NAMED, MODEL, OURS)
KNOWN = (*METHODS, *sequences.NAMES)


def main() -> None:
    """Run the benchmark, write the JSON and print the table."""
    given = _arguments()
    try:
        contest.check(given.methods, KNOWN)
        data = reality_check.read(given.history, given.future)
        folds = reality_check.folds(given.keysets, data)
        p = params.parse(params.read(), contest.STORED)
        judged = run(data, folds, given.methods, given.tune, p, given.predictions)
        said = contest.finish(judged, exams(data, folds), given, p.seed)
    except ProjectError as error:
        sys.exit(str(error))
    sys.stdout.write(said + "\n")


def run(
    data: Data, folds: Sequence[Fold], methods: Sequence[str], trials: int, p, predictions: Path | None = None
) -> Results:
    """Judge each of `methods` on the test members of each of `folds`; `trials` above 0 tunes them on val members.

    `p` are the parameters with stored settings; the first 100 items for test members go below the folder
    `predictions`, if one is given. Raises ParamError for an unknown method.
    """
    contest.check(methods, KNOWN)
    return contest.run(
        exams(data, folds), methods, lambda name: _fitted(name, data, folds, trials, p), predictions, data.numbered
    )


def exams(data: Data, folds: Sequence[Fold]) -> list[Exam]:
    """Return what is asked of the test members of each fold."""
    return [Exam(fold.name, data.baskets, data.futures.of(fold.test)) for fold in folds]


def _fitted(name: str, data: Data, folds: Sequence[Fold], trials: int, p) -> Iterator[tuple[dict | None, Recommender]]:
    """Yield for each fold what a search has found, and the method; a peer is fitted anew only for new settings."""
    known, recommender, before = data.baskets, None, None
    among = chosen.peers(known, SEARCHED, p) if name == OURS else {}
    for fold in folds:
        found, val = None, data.futures.of(fold.val)
        if name in (MODEL, OURS):
            labels = data.futures.of(fold.train)
            found = ordered.search(known, labels, val, p, trials) if trials else None
            model = ordered.fit(known, labels, p, found)
            asked = chosen.Known(known, labels, val)
            yield found, model if name == MODEL else chosen.choose(asked, model, among, p, found)[1]
            continue
        if name in sequences.NAMES:
            yield sequences.fit(name, known, data.futures.of(fold.train), val, fold.test, p.seed)
            continue
        if trials and name in SEARCHED:
            found = peer_search.search(name, known, val, p.seed, trials)
        settings = _settings(name, p) if found is None else found
        if settings != before:
            recommender = policies.peer(NAMED.get(name, {}).get("peer", name), settings, known, seed=p.seed)
        yield found, recommender
        before = settings


def _settings(name: str, p) -> dict[str, Any]:
    return NAMED[name]["settings"] if name in NAMED else p.recommend.peers.get(name, {})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--history", type=Path, required=True, help="histories, JSON, plain or gzipped")
    parser.add_argument("--future", type=Path, required=True, help="next baskets, JSON, plain or gzipped")
    parser.add_argument("--keysets", type=Path, required=True, help="folder of keysets")
    contest.add_arguments(parser, METHODS, sequences.NAMES)
    return parser.parse_args()


if __name__ == "__main__":
    main()
