"""Value where members come seldom: BG/BB over opportunities, rounds (a quarter, a year) in which a member comes or not.

Rounds are counted backwards from a cut-off, so that the next one begins on it; the round of a member's first purchase
is number 0, and only whole rounds after it count:

       round 0          1               2         cut-off
  |-----first----)|-- bought ---)|-------------)|-- next ---)        rounds 2, rounds_bought 1, last_round 1
"""

from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from ibis import _

from membership.base import engine
from membership.base.errors import DataError
from membership.data import purchases
from membership.lifetimes.rounds import BgBb
from membership.settings.value import Value
from membership.stats import credibility

COUNTED = ("rounds_bought", "last_round", "rounds", "round_days_bought", "round_squares")
_FEWEST = 3  # rounds that somebody must have had: of fewer, staying and coming cannot be told apart
_DAYS = {"month": 30, "quarter": 91, "half_year": 182, "year": 365}  # of a round, by value.opportunity


@dataclass(frozen=True)
class Opportunities:
    """BG/BB says in how many rounds a member will buy, and own history on how many days of each.

    `mean`: purchase days of a round with any; `worth_rounds`: of how many such rounds of a member's own that mean is
    worth (infinite: members do not differ).
    """

    model: BgBb
    round_days: int
    mean: float
    worth_rounds: float

    @classmethod
    def fit(cls, features: pd.DataFrame, settings: Value) -> "Opportunities":
        """Fit to `features` with the columns COUNTED. Raises DataError where rounds are too few, and as `BgBb.fit`."""
        seen = features[features["purchase_days"] > 0]
        most = int(seen["rounds"].max()) if len(seen) else 0
        if most < _FEWEST:
            raise DataError(
                f"BG/BB: value.opportunity = {settings.opportunity}, and of {len(seen)} buyers nobody has had more "
                f"than {most} of them since the first purchase; allowed: {_FEWEST} or more. Set a shorter one "
                f"({', '.join(_DAYS)}), or leave bgbb out of value.candidates."
            )
        model = BgBb.fit(seen, settings.penalizer)
        bought = seen[seen["rounds_bought"] > 0]
        days, rounds = (bought[name].to_numpy(float) for name in ("round_days_bought", "rounds_bought"))
        within = credibility.mean_variance(days, bought["round_squares"].to_numpy(float), rounds)
        shrunk = credibility.shrink(days / rounds, rounds, within)
        return cls(model, _DAYS[settings.opportunity], shrunk.mean, _ratio(within, shrunk.spread**2))

    def expected_purchases(self, features: pd.DataFrame, days: float) -> np.ndarray:
        """Return expected purchase days within `days`, (members,); 0 for who has never bought.

        Within a round they are spread evenly.
        """
        whole, part = divmod(days / self.round_days, 1)
        before, after = (self.model.expected_purchases(features, int(whole) + more) for more in (0, 1))
        ever = (features["purchase_days"] > 0).to_numpy()
        return (before + part * (after - before)) * self._days_a_round(features) * ever

    def _days_a_round(self, features: pd.DataFrame) -> np.ndarray:
        """Return expected purchase days of a round with any, (members,)."""
        if np.isinf(self.worth_rounds):
            return np.full(len(features), self.mean)
        days, rounds = (features[name].to_numpy(float) for name in ("round_days_bought", "rounds_bought"))
        total = rounds + self.worth_rounds
        own = days + self.worth_rounds * self.mean
        return np.divide(own, total, out=np.full(len(features), self.mean), where=total > 0)


def asked(settings: Value) -> bool:
    """Return whether a candidate reads opportunities."""
    return "bgbb" in settings.candidates


def at(events: ir.Table, cutoff: date, settings: Value) -> ir.Table:
    """Return COUNTED by member_id and as_of, of who has bought before `cutoff`; whole numbers.

    `rounds_bought`, `last_round` and `rounds` are those of `lifetimes.rounds.BgBb`; `round_days_bought` are the
    purchase days in rounds 1 and later, and `round_squares` the sum of their squares by round.
    """
    bought = engine.before(events, cutoff).filter(purchases.is_purchase).mutate(day=purchases.day)
    days = bought.select("member_id", "day").distinct()
    ago = ibis.date(cutoff.isoformat()).delta(days.day, unit="day") - 1
    days = days.mutate(back=(ago // _DAYS[settings.opportunity]).cast("int64"))
    days = days.mutate(rounds=days.back.max().over(ibis.window(group_by="member_id")))
    by_round = days.group_by("member_id", "rounds", "back").agg(n=_.count())
    later = by_round.back < by_round.rounds
    found = by_round.group_by("member_id", "rounds").agg(
        rounds_bought=later.sum(),
        last_round=(by_round.rounds - by_round.back).max(),
        round_days_bought=by_round.n.sum(where=later).fill_null(0),
        round_squares=(by_round.n * by_round.n).sum(where=later).fill_null(0),
    )
    return found.mutate(as_of=ibis.timestamp(cutoff.isoformat())).select("member_id", "as_of", *COUNTED)


def beside(features: pd.DataFrame, rounds: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of table `features` with those of `at` beside them; 0 for who has never bought."""
    found = features.merge(rounds, on=["member_id", "as_of"], how="left", validate="one_to_one")
    return found.astype({"member_id": features["member_id"].dtype}).fillna(dict.fromkeys(COUNTED, 0))


def counted(rows: pd.DataFrame, events: ir.Table, settings: Value) -> pd.DataFrame:
    """Return `rows` of table `features`, with COUNTED on each of their days where a candidate reads them."""
    if not asked(settings):
        return rows
    days = [day.date() for day in rows["as_of"].drop_duplicates().sort_values()]
    return beside(rows, ibis.union(*(at(events, day, settings) for day in days)).to_pandas())


def _ratio(within: float, between: float) -> float:
    """Return of how many rounds of a member's own the mean of all is worth; infinite where members do not differ."""
    return within / between if between > 0 else float("inf")
