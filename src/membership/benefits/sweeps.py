"""What other budgets, responses, limits of fairness and worths of an order would bring: each from the linear programme.

The next programme starts from the ways that the one before has found, so a sweep costs little more than one programme.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from membership.benefits import allocation, payoff
from membership.benefits.limits import Limits
from membership.benefits.options import NOTHING, Options
from membership.benefits.payoff import REFUSED, Setting
from membership.benefits.shadow_prices import Relaxed, Ways
from membership.settings.benefits import Benefits
from membership.stats import ranges

_FREE = 1e-9  # a ratio that limits nothing, with the same cells as one that does


def budget(
    options: Options, facts: pd.DataFrame, settings: Benefits, multiples: list[float], confidence: float
) -> pd.DataFrame:
    """Return what other budgets, `multiples` (above 0) of the one in `settings`, would bring.

    Columns budget, net (cents), net_low and net_high (from how uncertain the responses are), shadow_price (of one more
    cent).
    """
    others = [settings.model_copy(update={"budget": settings.budget * multiple}) for multiple in multiples]
    rows = []
    for other, (known, _, one) in zip(others, _each(options, facts, others), strict=False):
        sd, net = ranges.sd(_doubts(options, known, one.mix).sum(axis=0)), _mixed(options, known, one.mix, "net")
        rows.append((other.budget, net, *ranges.normal(net, sd, confidence), one.shadow_price))
    return pd.DataFrame(rows, columns=["budget", "net", "net_low", "net_high", "shadow_price"], dtype=float)


def consent(setting: Setting, confidence: float) -> pd.DataFrame:
    """Return what it costs that some members want no benefits: one row, `as it is`, and one, `if nobody had refused`.

    Columns members (who refuse), net (cents) with net_low and net_high; no row where nobody refuses.
    """
    facts, rows = setting.facts, {}
    count = int(facts[REFUSED].sum())
    for name, refused in (("as it is", facts[REFUSED]), ("if nobody had refused", False)) if count else ():
        one = replace(setting, facts=facts.assign(**{REFUSED: refused}))
        found = allocation.allocate(one.options(), one.facts, setting.settings)
        ahead = payoff.outlook(found.options, found.choice, confidence)
        members = count if name == "as it is" else 0
        rows[name] = {"members": members, "net": ahead.net, "net_low": ahead.low, "net_high": ahead.high}
    columns = ["members", "net", "net_low", "net_high"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("consent")


def order_worth(setting: Setting, worths: Sequence[float], confidence: float) -> pd.DataFrame:
    """Return what is given up for more orders: other values of `benefits.order_worth`, with the same budget.

    Columns order_worth (cents), orders (extra, over the horizon), net (cents) with net_low and net_high,
    cost_per_order (cents of cost for each extra order).
    """
    rows, options = [], setting.options()
    for worth in worths:
        valued = replace(options, order_worth=float(worth))
        for known, _, one in _each(valued, setting.facts, [setting.settings]):
            net, orders, cost = (_mixed(valued, known, one.mix, name) for name in ("net", "orders", "cost"))
            sd = ranges.sd(_doubts(valued, known, one.mix).sum(axis=0))
            low, high = ranges.normal(net, sd, confidence)
            rows.append((worth, orders, net, low, high, cost / orders if orders else np.nan))
    columns = ["order_worth", "orders", "net", "net_low", "net_high", "cost_per_order"]
    return pd.DataFrame(rows, columns=columns, dtype=float)


def price_range(setting: Setting) -> tuple[float, float]:
    """Return what one more cent of budget would bring were every shift one standard deviation lower, and higher.

    With a budget of 0, the first cent; 0 where nothing pays then.
    """
    asked = setting.settings.model_copy(update={"budget": setting.settings.budget or 1.0})
    found = [_each(setting.options(off=off), setting.facts, [asked]) for off in (-1.0, 1.0)]
    low, high = (each[0][2].shadow_price if each else 0.0 for each in found)
    return low, high


def ratio(options: Options, facts: pd.DataFrame, settings: Benefits, ratios: list[float]) -> pd.DataFrame:
    """Return what other values of `benefits.fairness.min_ratio` would leave: 0, `ratios`, and the present one.

    Columns min_ratio, smallest_ratio (the smallest ratio between two groups of an attribute), net (cents; orders at
    their worth), lost (what respecting the limit costs, as a share of what is brought without).
    """
    asked = sorted({0.0, settings.fairness.min_ratio, *ratios})
    fair = [settings.fairness.model_copy(update={"min_ratio": max(one, _FREE)}) for one in asked]
    each = [settings.model_copy(update={"fairness": one}) for one in fair]
    found = _each(options, facts, each)
    rows = [
        (one, within.smallest_ratio(mix.spent), mix.net) for one, (_, within, mix) in zip(asked, found, strict=False)
    ]
    table = pd.DataFrame(rows, columns=["min_ratio", "smallest_ratio", "net"])
    return table.assign(lost=1 - table["net"] / table["net"].max())


def response(setting: Setting, choice: np.ndarray, multiples: list[float]) -> pd.DataFrame:
    """Return what a choice would bring if every shift were so many times what is believed.

    Columns multiple, net (cents of gain less cost of the choice), best (what an allocation that had known would bring
    for the same money: more response is more spend, on which a share of spend costs more; 0 where nothing pays).
    """
    rows = []
    for multiple in multiples:
        options = setting.options(multiple)
        money = float(options.taken(options.cost, choice).sum())
        best = _each(options, setting.facts, [setting.settings.model_copy(update={"budget": money})])
        rows.append((multiple, options.net(choice), _mixed(options, best[0][0], best[0][2].mix, "net") if best else 0))
    return pd.DataFrame(rows, columns=["multiple", "net", "best"], dtype=float)


def _each(options: Options, facts: pd.DataFrame, settings_of: list[Benefits]) -> list[tuple[Ways, Limits, Relaxed]]:
    """Return ways, limits and the best mix for each of `settings_of`, of the same cells; none where the budget is 0."""
    allocation.check_members(options, facts)
    if not options.pays.any() or settings_of[0].budget == 0:
        return []
    known, found = None, []
    for settings in settings_of:
        known, within, mixed, _ = allocation.relaxed(options, facts, settings, known)
        found.append((known, within, mixed))
    return found


def _used(known: Ways, mix: np.ndarray):
    """Yield the choice of each way that `mix` (ways, cells) uses, and how much of it each member gets."""
    for price, toll, share in zip(known.price, known.toll, mix, strict=False):
        if share.any():
            yield np.where(share[known.cell] > 0, known.choose(price[known.cell], toll), NOTHING), share[known.cell]


def _doubts(options: Options, known: Ways, mix: np.ndarray) -> np.ndarray:
    return sum(options.doubts(choice, weight) for choice, weight in _used(known, mix))


def _mixed(options: Options, known: Ways, mix: np.ndarray, name: str) -> float:
    """Return the net, cost or extra orders of a mix."""
    values = {"net": options.gain - options.cost, "cost": options.cost, "orders": options.orders}[name]
    return float(sum((options.taken(values, choice) * weight).sum() for choice, weight in _used(known, mix)))
