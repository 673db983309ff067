"""The search for a peer's settings, with Optuna, on validation baskets only; `peer_search.yaml` says where it looks."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import yaml

from membership.base import seeds
from membership.recommend import metrics, policy
from membership.recommend.baskets import Baskets, Targets

K = 10  # recall@K decides
SPACES = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))


def search(
    name: str, known: Baskets, val: Targets, seed: int, trials: int, items: pd.DataFrame | None = None
) -> dict[str, Any]:
    """Return the settings of peer `name` with the highest recall@10 on `val` of `trials` draws from its space.

    Draws come from Optuna's TPE, seeded; of equal ones the first is taken. A space without a choice needs no search.
    `items` are for the peer that reads attributes.
    """
    space = SPACES[name]
    if not space:
        return {}
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seeds.child(seed, f"search-{name}"))
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.optimize(lambda trial: recall(name, _suggest(trial, space), known, val, seed, items), n_trials=trials)
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
    ids, _ = policy.peer(name, settings, known, items, seed).recommend(targets.members, K)
    return float(metrics.per_member(ids, targets, known, K)[f"recall_at_{K}"].mean())


def _suggest(trial: optuna.Trial, space: Mapping[str, Any]) -> dict:
    drawn = {}
    for name, scope in space.items():
        if isinstance(scope, list):
            drawn[name] = trial.suggest_categorical(name, scope)
        else:
            suggest = trial.suggest_int if isinstance(scope["low"], int) else trial.suggest_float
            drawn[name] = suggest(name, scope["low"], scope["high"], log=scope.get("log", False))
    return drawn
