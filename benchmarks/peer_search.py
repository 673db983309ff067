"""The search for a peer's settings, with Optuna, on validation baskets only; the peer says where it looks."""

from collections.abc import Mapping
from typing import Any

import optuna
import pandas as pd

from membership.base import seeds
from membership.recommend import metrics, policies
from membership.recommend.baskets import Baskets, Targets
from membership.recommend.peers import registry
from membership.recommend.peers.peer import Range, Space

K = 10  # recall@K decides
BY_DAYS = {f"{name}_days": name for name, each in registry.PEERS.items() if each.dated}  # searched by days, too


def search(
    name: str,
    known: Baskets,
    val: Targets,
    seed: int,
    trials: int,
    items: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """Return the settings of peer `name` with the highest recall@10 on `val` of `trials` draws from its space.

    `name` may be one of BY_DAYS: then the peer's settings that count days are searched, too. Draws come from Optuna's
    TPE, seeded; of equal ones the first is taken. A space without a choice needs no search.
    `items` are for the peer that reads attributes.
    """
    peer = registry.get(BY_DAYS.get(name, name))
    space = {**peer.space, **peer.dated} if name in BY_DAYS else peer.space
    if not space:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seeds.child(seed, f"search-{name}"))
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(lambda trial: recall(peer.name, _suggest(trial, space), known, val, seed, items), n_trials=trials)
    return study.best_params


def recall(
    name: str,
    settings: Mapping[str, Any],
    known: Baskets,
    targets: Targets,
    seed: int,
    items: pd.DataFrame | None = None,
) -> float:
    """Return recall@10 of peer `name`, the mean over the members of `targets`."""
    ids, _ = policies.peer(name, settings, known, items, seed).recommend(targets.members, K)
    return float(metrics.per_member(ids, targets, known, K)[f"recall_at_{K}"].mean())


def _suggest(trial: optuna.Trial, space: Space) -> dict[str, Any]:
    drawn = {}
    for name, scope in space.items():
        if isinstance(scope, Range):
            suggest = trial.suggest_int if isinstance(scope.low, int) else trial.suggest_float
            drawn[name] = suggest(name, scope.low, scope.high, log=scope.log)
        else:
            drawn[name] = trial.suggest_categorical(name, scope)
    return drawn
