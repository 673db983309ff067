"""Are the kinds of members found again? Personas against Bayes' rule, which knows how every kind behaves.

Simulated markets of 3 to 5 kinds go the whole way: events, `data.features` and `data.habits`, `needs.preferences`,
`personas.fit` with the number of personas that it chooses and the knobs of `params.yaml`. Bayes' rule sees the same
purchases and is told, besides, each kind's size and true distributions, every member's staples and how long each
stayed: what it does not get right cannot be known. Both are judged by the adjusted Rand index with the truth on the
members of whom enough is known (`min_purchase_days`); newcomers are neither's to place. Offers are left out and
purchases of one item twice in an order count once: but for these, the likelihoods are exact.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import ibis
import numpy as np
import pandas as pd
from scipy import stats
from scipy.special import gammaln, logsumexp
from sklearn.metrics import adjusted_rand_score

from benchmarks import goals
from membership.base import seeds
from membership.base.timeline import Window
from membership.data import features, habits, purchases
from membership.data.sources import behaviour, simulate
from membership.profile import history, needs, personas
from membership.settings import params
from membership.settings.dataset import Simulate
from membership.settings.params import Stage

GOAL = 0.95  # of the adjusted Rand index of Bayes' rule
GRID = 48  # points at which a trait is integrated out


@dataclass(frozen=True)
class Setting:
    """One kind of market; where kinds `overlap`, even Bayes' rule confuses many, and the ratio is told, not asked."""

    kinds: int
    contrast: float  # 0 to 1
    orders_per_month: float
    overlap: bool = False

    def __str__(self) -> str:
        return f"{self.kinds} kinds, contrast {self.contrast:g}, {self.orders_per_month:g} orders a month"


SETTINGS = (
    Setting(3, 0.8, 3.0),
    Setting(3, 0.5, 3.0),
    Setting(4, 0.6, 3.0),
    Setting(4, 0.6, 1.5),
    Setting(5, 0.8, 3.0),
    Setting(5, 0.6, 1.5),
    Setting(3, 0.3, 3.0, overlap=True),
    Setting(5, 0.4, 1.5, overlap=True),
)


def run(seed: int, settings: Iterable[Setting] = SETTINGS, members: int = 2000) -> dict:
    """Return `goals` and `rows`, one a market.

    A row has market, kinds, personas (as many as we chose), members, newcomers (placed by neither), ours and bayes
    (adjusted Rand index with the truth), ratio, ours_given (ratio were we told the number of kinds).
    """
    knobs = params.parse(params.read())
    found = {str(setting): (setting, recover(setting, knobs, members, seed)) for setting in settings}
    rows = [{"market": name} | row for name, (_, row) in found.items()]
    asked = [
        goals.told(f"{name}: of Bayes' rule (kinds overlap: it has {row['bayes']:.2f})", row["ratio"])
        if setting.overlap
        else goals.at_least(f"{name}: ARI over that of Bayes' rule", row["ratio"], GOAL)
        for name, (setting, row) in found.items()
    ]
    return {"goals": asked, "rows": rows}


def recover(setting: Setting, knobs: Stage, members: int, seed: int) -> dict:
    """Return the row of one market."""
    change = {"members": members, "personas": setting.kinds, "persona_contrast": setting.contrast, "offers": 0}
    market_knobs = knobs.dataset.simulate.model_copy(update=change | {"orders_per_month": setting.orders_per_month})
    market = simulate.market(market_knobs, seeds.child(seed, f"personas/{setting}"))
    scores, levels = seen(market, market_knobs, knobs)
    told = knobs.needs.model_copy(update={"personas": knobs.needs.personas.model_copy(update=_exactly(setting.kinds))})
    ours, given = (personas.fit(scores, levels, profile, seed) for profile in (knobs.needs, told))
    known = ours.typicality.dropna().index
    truth = market.truth.set_index("member_id")["persona"].loc[known]
    bayes = adjusted_rand_score(truth, log_posterior(market, market_knobs).loc[known].idxmax(axis=1))
    agrees = adjusted_rand_score(truth, ours.labels[known])
    return {
        "kinds": setting.kinds,
        "personas": len(ours.centres),
        "members": len(known),
        "newcomers": members - len(known),
        "ours": float(agrees),
        "bayes": float(bayes),
        "ratio": float(agrees / bayes),
        "ours_given": float(adjusted_rand_score(truth, given.labels[known]) / bayes),
    }


def seen(market: simulate.Market, market_knobs: Simulate, knobs: Stage) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the scores of needs and the levels of habits after the market's last day."""
    cutoff = market_knobs.start + timedelta(days=market_knobs.days)
    canonical = market.canonical
    events, items, members = (ibis.memtable(table) for table in (canonical.events, canonical.items, canonical.members))
    levels = habits.levels(events, items, cutoff)
    found = needs.preferences(
        features.table(events, members, [cutoff]),
        features.category_table(events, items, [cutoff], knobs.features.min_category_share),
        habits.at(events, items, cutoff),
        levels,
        knobs.needs,
        needs.stability(*history.halves(events, items, Window(market_knobs.start, cutoff)), knobs.needs),
    )
    return found.scores, levels


def _exactly(count: int) -> dict[str, float]:
    """Return the knobs with which there are `count` personas."""
    return {"fewest": count, "most": count, "min_stability": 0.0, "chance": 0, "bootstrap": 2, "min_members": 1}


def log_posterior(market: simulate.Market, knobs: Simulate) -> pd.DataFrame:
    """Return the log of each kind's posterior probability, up to a constant: (members, kinds), by member_id."""
    truth = market.truth.set_index("member_id")
    lines = _lines(market)
    parts = [
        np.log(market.kinds.traits["share"].to_numpy())[None, :],
        _tastes(market, lines, truth.index),
        _habit(lines.groupby("member_id")["deal"].agg(["sum", "count"]), "deal", market, truth.index, 0.05, 0.5),
        _habit(
            _orders(lines).groupby("member_id")["web"].agg(["sum", "count"]), "online", market, truth.index, 0.0, 1.0
        ),
        _novelty(_orders(lines), market, truth.index),
        _pace(_orders(lines), market, knobs, truth),
    ]
    return pd.DataFrame(sum(parts), index=truth.index)


def _lines(market: simulate.Market) -> pd.DataFrame:
    """Return the purchases: member_id, order_id, item_id, category, deal, web, staple."""
    events, items = market.canonical.events, market.canonical.items.set_index("item_id")
    bought = events[purchases.is_purchase(events)]
    staples = pd.MultiIndex.from_frame(market.cycles[["member_id", "item_id"]])
    return pd.DataFrame(
        {
            "member_id": bought["member_id"],
            "order_id": bought["order_id"],
            "item_id": bought["item_id"],
            "category": bought["item_id"].map(items["category"]),
            "deal": bought["discount"] > 0,
            "web": bought["channel"] == behaviour.CHANNELS[behaviour.WEB],
            "staple": pd.MultiIndex.from_frame(bought[["member_id", "item_id"]]).isin(staples),
        }
    )


def _orders(lines: pd.DataFrame) -> pd.DataFrame:
    """Return one row an order: member_id, web, due (a staple was in it), finds."""
    orders = lines.groupby("order_id", sort=False)
    counts = orders.agg(
        member_id=("member_id", "first"), web=("web", "first"), due=("staple", "any"), size=("staple", "size")
    )
    return counts.assign(finds=counts["size"] - orders["staple"].sum())


def _tastes(market, lines: pd.DataFrame, members: pd.Index) -> np.ndarray:
    """Dirichlet-multinomial of independent draws: each find once, each staple once however often it was bought."""
    wants = market.kinds.wants
    draws = pd.concat([lines[~lines["staple"]], lines[lines["staple"]].drop_duplicates(["member_id", "item_id"])])
    counts = pd.crosstab(draws["member_id"], draws["category"]).reindex(members, columns=wants.columns, fill_value=0)
    n, total = counts.to_numpy()[:, None, :], wants.to_numpy()[None, :, :]
    own = (gammaln(n + total) - gammaln(total)).sum(axis=2)
    return own + gammaln(total.sum(axis=2)) - gammaln(n.sum(axis=2) + total.sum(axis=2))


def _habit(counts, habit: str, market, members: pd.Index, floor: float, slope: float) -> np.ndarray:
    """Binomial counts whose probability is `floor` + `slope` times a beta trait."""
    counts = counts.reindex(members, fill_value=0).to_numpy()
    return np.column_stack(
        [
            logsumexp(stats.binom.logpmf(counts[:, :1], counts[:, 1:], floor + slope * grid), axis=1) - np.log(GRID)
            for grid in _grids(market, habit)
        ]
    )


def _novelty(orders: pd.DataFrame, market, members: pd.Index) -> np.ndarray:
    """Poisson finds in each order; one where there would be neither a find nor a staple that was due."""
    columns = []
    for grid in _grids(market, "novelty"):
        mean = behaviour.FINDS * grid
        cells = orders.value_counts(["due", "finds"]).index.to_frame(index=False)
        due, finds = cells["due"].to_numpy()[:, None], cells["finds"].to_numpy()[:, None]
        log = stats.poisson.logpmf(finds, mean)
        log = np.where(~due & (finds == 1), np.logaddexp(log, -mean), log)
        table = pd.DataFrame(log, index=pd.MultiIndex.from_frame(cells))
        each = table.reindex(pd.MultiIndex.from_frame(orders[["due", "finds"]])).to_numpy()
        total = pd.DataFrame(each).groupby(orders["member_id"].to_numpy()).sum().reindex(members, fill_value=0.0)
        columns.append(logsumexp(total.to_numpy(), axis=1) - np.log(GRID))
    return np.column_stack(columns)


def _pace(orders: pd.DataFrame, market, knobs: Simulate, truth: pd.DataFrame) -> np.ndarray:
    """Gamma-Poisson number of orders in the days that the member was there."""
    ends = pd.Timestamp(knobs.start) + pd.Timedelta(days=knobs.days)
    days = (truth["active_until"].fillna(ends) - truth["active_from"]).dt.days.to_numpy()
    count = orders["member_id"].value_counts().reindex(truth.index, fill_value=0).to_numpy()
    mean = np.maximum(days, 0.5)[:, None] * market.kinds.traits["rate"].to_numpy()[None, :]
    return stats.nbinom.logpmf(count[:, None], knobs.rate_shape, knobs.rate_shape / (knobs.rate_shape + mean))


def _grids(market, habit: str) -> list[np.ndarray]:
    """Return for each kind GRID equally likely values of the trait."""
    traits = market.kinds.traits
    levels = (np.arange(GRID) + 0.5) / GRID
    return [stats.beta.ppf(levels, a, b) for a, b in zip(traits[f"{habit}_a"], traits[f"{habit}_b"], strict=True)]
