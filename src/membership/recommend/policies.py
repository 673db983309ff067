"""Policies by their names, peers and the model: fitted to a market, or ready for members who come in one by one."""

from collections.abc import Callable, Mapping
from datetime import date
from types import SimpleNamespace
from typing import Any

import ibis.expr.types as ir
import pandas as pd
from pydantic import ValidationError

from membership.base.errors import ParamError
from membership.recommend import baskets, policy, train
from membership.recommend.baskets import Baskets
from membership.recommend.model import Settings
from membership.recommend.peers import registry
from membership.recommend.peers.peer import Context
from membership.recommend.policy import Recommender
from membership.recommend.ranking import popular
from membership.settings import params
from membership.settings.train import Stored

MODEL = "model"


def names() -> tuple[str, ...]:
    """Return the names of all policies."""
    return *registry.names(), MODEL


def fit(
    name: str,
    settings: Mapping[str, Any],
    events: ir.Table,
    items: pd.DataFrame,
    cutoff: date,
    p: SimpleNamespace,
) -> Recommender:
    """Fit policy `name` (one of `names`) with `settings` to `events` before `cutoff`.

    `items` is the canonical table; `p` has `recommend` and, for "model", `train`, `seed` and `device`. Raises
    ParamError for an unknown policy or setting.
    """
    if name == MODEL:
        asked = _checked(settings)
        data = train.samples(events, items, cutoff, p.recommend, p.train, p.seed)
        model = train.fit(data, asked, p.train, p.seed, p.device).model
        return policy.serve(model, events, items, cutoff, p)
    registry.get(name)
    return peer(name, settings, baskets.history(events, cutoff, p.recommend), items, p.seed)


def peer(
    name: str, settings: Mapping[str, Any], known: Baskets, items: pd.DataFrame | None = None, seed: int = 0
) -> Recommender:
    """Fit the peer `name` with `settings` over its defaults to the histories `known`, dated or not.

    `items` (the canonical table) and `seed` are for those that learn from attributes or draw. Raises ParamError for
    an unknown peer or setting.
    """
    return ready(name, settings, known, items, seed)(known)


def ready(
    name: str, settings: Mapping[str, Any], known: Baskets, items: pd.DataFrame | None = None, seed: int = 0
) -> Callable[[Baskets], Recommender]:
    """Fit a peer, as `peer` does, once; return a function from histories that come in later to it for their members.

    These histories have the same catalogue, and nothing is learned from them.
    """
    found = registry.get(name)
    fitted = found.fit(known, found.checked(settings), Context(items, seed))

    def of(asked: Baskets) -> Recommender:
        top = fitted(asked) if len(asked.members) else popular(known)
        return Recommender(name, asked, top, among=known, why=found.reason)

    return of


def _checked(settings: Mapping[str, Any]) -> Settings:
    """Return the settings of the model. Raises ParamError, naming key, value and what is allowed."""
    try:
        return Settings(**Stored.model_validate(dict(settings)).model_dump())
    except ValidationError as error:
        raise ParamError("\n".join(params.explain("settings of policy 'model'", error))) from error
