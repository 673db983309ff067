"""The choice after a search: what it has found replaces the stored settings only if it is better by more than noise.

Both are compared on the same members of the validation window. The interval of the difference
must exclude 0. So the settings in use do not depend on which of many like trials is ahead by a last digit.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from types import SimpleNamespace
from typing import Any

import numpy as np
import optuna
import pandas as pd

from membership.base.errors import NotPossible
from membership.base.progress import bar
from membership.recommend import challenger as challengers
from membership.recommend import heads, metrics, policies, policy, stack, tune
from membership.recommend.challenger import Challenger
from membership.recommend.model import NextBasket, Settings
from membership.recommend.names import MODEL
from membership.recommend.peers import registry
from membership.recommend.tune import Task
from membership.stats import resample


class Verdict(StrEnum):
    """What became of the stored settings."""

    BEST = "best"  # no trial was better
    KEPT = "kept"  # a trial was better, but not by more than noise
    REPLACED = "replaced"  # a trial was better by more than noise


@dataclass(frozen=True)
class Choice:
    """The settings in use; `judged` are their metrics, a row a member, as from `metrics.per_member`.

    `gain` is the mean difference of the metric between `found`, the best trial, and `stored`, with its paired t
    interval from `low` to `high`.
    """

    settings: Settings
    judged: pd.DataFrame
    verdict: Verdict
    stored: Settings
    found: Settings
    gain: float
    low: float
    high: float

    def plain(self, challenger: Challenger, peers: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Return settings, verdict and `challenger`, as JSON knows them: the content of `models/tuned.json`.

        `peers` are the settings over the defaults of peers.
        """
        settings = asdict(self.settings)
        return {
            "settings": settings,
            "verdict": self.verdict.value,
            "challenger": challenger.plain(settings, peers),
        }


def choose(task: Task, study: optuna.Study, p: SimpleNamespace) -> Choice:
    """Return the choice between `p.train.settings` and the best of the first `p.tune.trials` trials of `study`."""
    stored, (found, _) = Settings(**p.train.settings.model_dump()), tune.best(study, p.tune.trials)
    judged = {settings: task.judged(tune.trained(task, study, settings, p)) for settings in {stored, found}}
    return between(stored, found, judged, task.metric, p.tune.confidence)


def between(
    stored: Settings, found: Settings, judged: dict[Settings, pd.DataFrame], metric: str, confidence: float
) -> Choice:
    """Return the choice between two settings by their `metric` in `judged`, a row a member, the same for both."""
    gains = judged[found][metric].to_numpy() - judged[stored][metric].to_numpy()
    low, high, _ = resample.student(gains, confidence)
    better = Verdict.REPLACED if low > 0 else Verdict.KEPT
    verdict = Verdict.BEST if found == stored else better
    settings = found if verdict == Verdict.REPLACED else stored
    return Choice(settings, judged[settings], verdict, stored, found, float(gains.mean()), low, high)


def peer_lists(task: Task, items: pd.DataFrame, p: SimpleNamespace) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return what each peer lists for the members of the validation window, ids (members, at least `task.k`).

    And of the peers that these data do not allow, why not.
    """
    found, left_out = {}, {}
    for name, settings in bar(list(registry.settings(p.recommend.peers).items()), "peers"):
        try:
            peer = policies.peer(name, settings.model_dump(), task.now.baskets, items, p.seed)
        except NotPossible as error:
            left_out[name] = str(error)
            continue
        found[name], _ = peer.recommend(task.targets.members, max(task.k, stack.DEPTH))
    return found, left_out


def compare(task: Task, chosen: Choice, listed: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return the metrics on the validation window of the model and of all peers, by policy, the best first.

    `listed` is the first of `peer_lists`. The columns are those of `metrics.per_member`, means over members.
    """
    judged = {MODEL: chosen.judged}
    for name, ids in listed.items():
        judged[name] = metrics.per_member(ids, task.targets, task.now.baskets, task.k)
    means = pd.DataFrame({name: each.drop(columns="member_id").mean() for name, each in judged.items()}).T
    return means.rename_axis("policy").sort_index().sort_values(task.metric, ascending=False, kind="stable")


def challenger(
    task: Task, network: NextBasket, listed: Mapping[str, np.ndarray], items: pd.DataFrame, p: SimpleNamespace
) -> Challenger:
    """Return what challenges the champion: `network`, trained for `task` and calibrated, stack, heads, or a peer."""
    known, members = task.now.baskets, task.targets.members
    model = policy.of_pairs(known, task.now.pairs, network.probability(task.now.inputs))
    lists = stack.beside(model, listed, members)
    pairs = heads.asked(model, heads.learn(known, items).of(known), members)
    return challengers.choose(lists, pairs, known, task.targets, task.k, p.tune.confidence, p.tune.margin, p.seed)


def best_peer(compared: pd.DataFrame, metric: str) -> str:
    """Return the name of the peer with the highest `metric` in `compared`."""
    return compared[metric].drop(MODEL).idxmax()


def summary(chosen: Choice, history: pd.DataFrame, compared: pd.DataFrame, task: Task) -> dict[str, float]:
    """Return the metrics of stage tune: those of the model on the validation window, recall of each peer, and counts.

    `history` is as from `tune.history`, `compared` as from `compare`.
    """
    recall = compared[task.metric].drop(MODEL).sort_index()
    return {
        **compared.loc[MODEL].to_dict(),
        **recall.rename(lambda name: f"{task.metric}_{name}").to_dict(),
        "validation_members": len(task.targets.members),
        "trials_complete": int(history["recall"].notna().sum()),
        "trials_pruned": int(history["recall"].isna().sum()),
        "search_gain": chosen.gain,
        "search_gain_low": chosen.low,
        "search_gain_high": chosen.high,
        "search_replaced": int(chosen.verdict == Verdict.REPLACED),
    }
