"""Policies by their names, peers and the model: fitted to a market, or ready for members who come in one by one."""

from collections.abc import Callable, Mapping
from datetime import date
from types import SimpleNamespace
from typing import Any

import ibis.expr.types as ir
import pandas as pd
from pydantic import ValidationError, model_validator

from membership.base.errors import ParamError
from membership.recommend import baskets, heads, policy, rerank, rules, stack, train
from membership.recommend.baskets import Baskets
from membership.recommend.model import NextBasket, Settings
from membership.recommend.names import HEADS, LEARNED, MODEL, STACK
from membership.recommend.peers import registry
from membership.recommend.peers.peer import Context
from membership.recommend.policy import Recommender
from membership.recommend.ranking import popular
from membership.recommend.rerank import Reranker
from membership.recommend.rules import NOTHING, Beside
from membership.settings import params
from membership.settings.recommend import Rerank
from membership.settings.section import Section
from membership.settings.train import Stored


class OfStack(Section):
    """Settings of the stack: those of its model, those of each peer over its defaults, and a weight for each signal."""

    model: Stored
    peers: dict[str, dict[str, Any]]
    weights: dict[str, float]

    @model_validator(mode="after")
    def _one_weight_each(self):
        if sorted(self.weights) != sorted(asked := stack.signals([MODEL, *self.peers])):
            raise ValueError(f"weights are needed for {', '.join(asked)}, and for nothing else")
        return self


class Head(Section):
    """Weights of one of two heads; what they weigh stands in `recommend/heads.py`."""

    level: float
    odds: float
    intensity: float
    tries: float


class OfHeads(Section):
    """Settings of the two heads: those of the model whose list they order anew, and the weights of each."""

    model: Stored
    repeat: Head
    explore: Head


def names() -> tuple[str, ...]:
    """Return the names of all policies."""
    return *registry.names(), *LEARNED


def fit(
    name: str,
    settings: Mapping[str, Any],
    events: ir.Table,
    items: pd.DataFrame,
    cutoff: date,
    p: SimpleNamespace,
    beside: Beside = NOTHING,
) -> Recommender:
    """Fit policy `name` (one of `names`) with `settings` to `events` before `cutoff`.

    `items` is the canonical table, and rules look at those `beside`; `p` has `recommend` and, for LEARNED, `train`,
    `seed` and `device`. Raises ParamError for an unknown policy or setting.
    """
    if name in LEARNED:
        asked = of_network(name, settings)
        data = train.samples(events, items, cutoff, p.recommend, p.train, p.seed)
        network = train.fit(data, asked, p.train, p.seed, p.device).model
        return serve(name, settings, policy.serve(network, events, items, cutoff, p), items, p, beside)
    registry.get(name)
    free = peer(name, settings, baskets.history(events, cutoff, p.recommend, items), items, p.seed)
    return rules.ruled(free, p.recommend.rules, items, cutoff, beside)


def serve(
    name: str,
    settings: Mapping[str, Any],
    model: Recommender,
    items: pd.DataFrame,
    p: SimpleNamespace,
    beside: Beside = NOTHING,
) -> Recommender:
    """Return policy `name` at the day of `model`, which serves the network of LEARNED, for the same histories.

    What is listed keeps `p.recommend.rules` and the rules `beside`.
    """
    free = _free(name, settings, lambda _: model, model.baskets, items, p)
    again = _reranker(name, model.market, items, p)
    return rules.ruled(free(model.baskets), p.recommend.rules, items, model.baskets.cutoff, beside, again)


def with_network(
    name: str,
    settings: Mapping[str, Any],
    network: NextBasket | None,
    known: Baskets,
    items: pd.DataFrame,
    p: SimpleNamespace,
    beside: Beside = NOTHING,
) -> Callable[[Baskets], Recommender]:
    """Return a function from histories that come in later to policy `name` for their members, as `ready` does.

    What is listed keeps the rules on the day on which these histories end, for who is in table `members` and who is
    not. `network` is for LEARNED; `p` has `recommend`, `train` and `seed`.
    """
    model = policy.ready(network, known, items, p) if name in LEARNED else None
    free, held, again = _free(name, settings, model, known, items, p), {}, _reranker(name, known, items, p)

    def of(asked: Baskets) -> Recommender:
        if rules.none(p.recommend.rules, items, beside) and again is None:
            return free(asked)
        if asked.cutoff not in held:
            held[asked.cutoff] = rules.of_catalogue(known, p.recommend.rules, items, asked.cutoff, beside, again)
        return held[asked.cutoff].over(free(asked))

    return of


def _reranker(name: str, market: Baskets, items: pd.DataFrame, p: SimpleNamespace) -> Reranker | None:
    """Return what orders the lists of policy `name` anew, where a knob is turned and its scores are chances."""
    asked = name in LEARNED and p.recommend.rerank != Rerank()
    return rerank.of_catalogue(market, p.recommend, items) if asked else None


def _free(
    name: str,
    settings: Mapping[str, Any],
    model: Callable[[Baskets], Recommender] | None,
    known: Baskets,
    items: pd.DataFrame,
    p: SimpleNamespace,
) -> Callable[[Baskets], Recommender]:
    """Return a function from histories to policy `name` for their members, without rules; `model` does so for LEARNED.

    Peers learn from `known`.
    """
    if name == MODEL:
        return model
    if name == HEADS:
        by, beside = _valid(OfHeads, settings, HEADS).model_dump(), heads.learn(known, items)
        return lambda histories: heads.serve(model(histories), beside.of(histories), by, p.recommend.explore)
    if name != STACK:
        return ready(name, settings, known, items, p.seed)
    asked = _valid(OfStack, settings, STACK)
    peers = {each: ready(each, of_peer, known, items, p.seed) for each, of_peer in asked.peers.items()}

    def of(histories: Baskets) -> Recommender:
        parts = {each: fitted(histories) for each, fitted in peers.items()}
        return stack.serve(model(histories), parts, asked.weights, p.recommend.explore)

    return of


def of_network(name: str, settings: Mapping[str, Any]) -> Settings:
    """Return the settings of the network in policy `name`, one of LEARNED. Raises ParamError, naming key and value."""
    kinds = {STACK: OfStack, HEADS: OfHeads}
    found = _valid(kinds[name], settings, name).model if name in kinds else _valid(Stored, settings, name)
    return Settings(**found.model_dump())


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


def _valid(kind: type[Section], settings: Mapping[str, Any], name: str):
    """Return the settings of policy `name` as a `kind`. Raises ParamError, naming key, value and what is allowed."""
    try:
        return kind.model_validate(dict(settings))
    except ValidationError as error:
        raise ParamError("\n".join(params.explain(f"settings of policy '{name}'", error))) from error
