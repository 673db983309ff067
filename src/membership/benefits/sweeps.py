"""What other budgets, other responses and other limits of fairness would bring: each from the linear programme.

The next programme starts from the ways that the one before has found, so a sweep costs little more than one programme.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.base.errors import ParamError
from membership.benefits import allocation, payoff, shadow_prices
from membership.benefits.limits import limits
from membership.benefits.payoff import Options
from membership.benefits.shadow_prices import Relaxed, Ways
from membership.settings.benefits import Benefits
from membership.stats import ranges

_FREE = 1e-9  # a ratio that limits nothing, with the same cells as one that does


@dataclass(frozen=True)
class Setting:
    """What the economics of benefits rest on."""

    facts: pd.DataFrame
    settings: Benefits
    margin_rate: float
    uplifts: pd.DataFrame
    points_share: float = 0.0

    def options(self, response: float = 1.0, off: float = 0.0) -> Options:
        """Return costs and gains where every uplift is `response` times what is believed, and `off` sds off that."""
        uplift = response * self.uplifts["uplift"] + off * self.uplifts["uplift_sd"]
        uplifts = self.uplifts.assign(uplift=uplift)
        return payoff.options(self.facts, self.settings, self.margin_rate, uplifts, self.points_share)


def budget(
    options: Options, facts: pd.DataFrame, settings: Benefits, multiples: list[float], confidence: float
) -> pd.DataFrame:
    """Return what other budgets, `multiples` (above 0) of the one in `settings`, would bring.

    Columns budget, net (cents), net_low and net_high (from how uncertain the responses are), shadow_price (of one more
    cent). Raises ParamError as `allocation.allocate` does.
    """
    others = [settings.model_copy(update={"budget": settings.budget * multiple}) for multiple in multiples]
    known, found = _each(options, facts, others)
    rows = []
    for other, one in zip(others, found, strict=False):
        sd = ranges.sd(known.spread(one.mix, options.spread))
        rows.append((other.budget, one.net, *ranges.normal(one.net, sd, confidence), one.shadow_price))
    return pd.DataFrame(rows, columns=["budget", "net", "net_low", "net_high", "shadow_price"], dtype=float)


def price_range(setting: Setting) -> tuple[float, float]:
    """Return what one more cent of budget would bring were every uplift one standard deviation lower, and higher.

    With a budget of 0, the first cent; 0 where nothing pays then, or the limits let nobody have anything.
    """
    asked = setting.settings.model_copy(update={"budget": setting.settings.budget or 1.0})
    found = [_relaxed(setting.options(off=off), setting.facts, asked) for off in (-1.0, 1.0)]
    low, high = (one.shadow_price if one else 0.0 for one in found)
    return low, high


def ratio(options: Options, facts: pd.DataFrame, settings: Benefits, ratios: list[float]) -> pd.DataFrame:
    """Return what other values of `benefits.fairness.min_ratio` would leave: 0, `ratios`, and the present one.

    Columns min_ratio, smallest_ratio (the smallest ratio between two groups of an attribute), net (cents), lost (what
    respecting the limit costs, as a share of what is brought without). Raises ParamError as `allocation.allocate`.
    """
    asked = sorted({0.0, settings.fairness.min_ratio, *ratios})
    fair = [settings.fairness.model_copy(update={"min_ratio": max(one, _FREE)}) for one in asked]
    each = [settings.model_copy(update={"fairness": one}) for one in fair]
    _, found = _each(options, facts, each)
    within = limits(options, facts, each[0])
    rows = [(one, within.smallest_ratio(mix.spent), mix.net) for one, mix in zip(asked, found, strict=False)]
    table = pd.DataFrame(rows, columns=["min_ratio", "smallest_ratio", "net"])
    return table.assign(lost=1 - table["net"] / table["net"].max())


def response(setting: Setting, given: np.ndarray, multiples: list[float]) -> pd.DataFrame:
    """Return what `given` (members, benefits) would bring if every uplift were so many times what is believed.

    Columns multiple, net (cents of gain less cost of `given`), best (what an allocation that had known would bring
    for the same money: more response is more spend, on which a share of spend costs more; 0 where the limits let
    nobody have anything, since nothing pays for one of the groups).
    """
    rows = []
    for multiple in multiples:
        options = setting.options(multiple)
        money = setting.settings.model_copy(update={"budget": float(options.cost[given].sum())})
        rows.append((multiple, float(options.net[given].sum()), _best(options, setting.facts, money)))
    return pd.DataFrame(rows, columns=["multiple", "net", "best"])


def _best(options: Options, facts: pd.DataFrame, settings: Benefits) -> float:
    found = _relaxed(options, facts, settings)
    return found.net if found else 0.0


def _relaxed(options: Options, facts: pd.DataFrame, settings: Benefits) -> Relaxed | None:
    """Return the best mix; None where nothing pays or the limits let nobody have anything."""
    try:
        _, found = _each(options, facts, [settings])
    except ParamError:
        return None
    return found[0] if found else None


def _each(options: Options, facts: pd.DataFrame, settings_of: list[Benefits]) -> tuple[Ways | None, list[Relaxed]]:
    """Return the ways and the best mix for each of `settings_of`, of the same cells; none where the budget is 0."""
    allocation.check_members(options, facts)
    if not options.pays.any() or settings_of[0].budget == 0:
        return None, []
    within = [limits(options, facts, settings) for settings in settings_of]
    known = shadow_prices.ways(options, within[0], settings_of[0].max_per_member)
    return known, [allocation.relaxed(known, limit, one) for one, limit in zip(settings_of, within, strict=True)]
