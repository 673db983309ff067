"""Simulated trials of which the truth is known, through the project's own assignment, log and reading.

60,000 members with a calibrated forecast; a treatment that changes each one's chance of an order by the same share of
it, up to certainty; exposures whose chance no arm changes. Breaks are what goes wrong in practice, one at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from membership.settings.trials import Trial, Trials
from membership.trials import assign, reading
from membership.trials.reading import Reading

DAY = date(2024, 3, 1)
MEMBERS = 60_000
TRIAL = Trial(
    name="market", what="list", arms={"control": 0.5, "treatment": 0.5}, start=DAY, gives={"treatment": "challenger"}
)
SETTINGS = Trials()
_SEEN = 0.6  # share of members who come by within the window, and so are exposed
BREAKS = ("shares", "last digit of ids", "forecast", "lost logs", "duplicated members")


def members(number: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return `number` members: member_id, p_repurchase, stage, tier, persona."""
    chance = rng.beta(1.2, 1.8, number)
    ids = pd.Series(rng.permutation(10 * number)[:number]).astype("str")
    stage = np.where(chance > 0.6, "loyal", np.where(chance > 0.2, "active", "lapsed"))
    known = {
        "stage": stage,
        "tier": rng.choice(["Member", "Silver", "Gold"], number),
        "persona": rng.choice(list("ABC"), number),
    }
    return pd.DataFrame({"member_id": ids, "p_repurchase": chance} | known).astype(dict.fromkeys(known, "category"))


def broken(rows: pd.DataFrame, how: str, rng: np.random.Generator) -> pd.DataFrame:
    """Return `rows` as an assignment that went wrong would have left them."""
    if how == "shares":  # a hash cut at the wrong place
        treated = assign.uniform(rows["member_id"], "broken") < 0.52
    elif how == "last digit of ids":  # even ids, whatever the digest
        treated = rows["member_id"].str[-1].astype(int) % 2 == 0
    elif how == "forecast":  # who buys more is reached first, and the arm fills from there
        treated = rng.random(len(rows)) < 0.45 + 0.1 * rows["forecast"].rank(pct=True)
    else:
        return rows
    return rows.assign(arm=np.where(treated, "treatment", "control"))


@dataclass(frozen=True)
class Drawn:
    """One simulated trial before it is read."""

    trial: Trial
    rows: pd.DataFrame  # as `assign.assign` gives them, or as a break has left them
    done: pd.DataFrame  # the same with what members did
    log: pd.DataFrame
    change: float  # the true difference of the members' chances

    def read(self, by: Sequence[str]) -> Reading:
        """Return what is read of it, of subgroups those of the columns `by`."""
        asked = {"measures": (reading.PRIMARY, "net"), "by": by}
        return reading.read("market", self.trial, self.rows, self.done, self.log, SETTINGS, 0.25, **asked)


def trial(lift: float, rng: np.random.Generator, how: str = "", number: int = MEMBERS) -> tuple[Reading, float]:
    """Return what is read of one trial with a relative change of `lift`, and the true difference of its members.

    `how`: one of BREAKS, or "" for none.
    """
    found = drawn(lift, rng, how, number)
    return found.read(("tier",) if lift else ()), found.change


def drawn(lift: float, rng: np.random.Generator, how: str = "", number: int = MEMBERS) -> Drawn:
    """Return the trial that `trial` reads; to read it draws nothing more."""
    known = members(number, rng)
    if how == "duplicated members":  # one in twenty is there under a second id
        again = known.sample(frac=0.05, random_state=int(rng.integers(2**31)))
        known = pd.concat([known, again.assign(member_id="x" + again["member_id"])], ignore_index=True)
    one = TRIAL.model_copy(update={"salt": f"market {rng.integers(2**40)}"})
    rows = broken(assign.assign(one, known, DAY), how, rng)
    done, change = _happened(rows, lift, rng)
    return Drawn(one, rows, done, _log(rows, how, rng), change)


def _happened(rows: pd.DataFrame, lift: float, rng: np.random.Generator) -> tuple[pd.DataFrame, float]:
    chance = rows["forecast"].to_numpy()
    treated = (rows["arm"] == "treatment").to_numpy()
    changed = np.minimum(chance * (1 + lift), 1.0)
    orders = (rng.random(len(rows)) < np.where(treated, changed, chance)).astype("int64")
    spend = np.round(orders * rng.lognormal(8, 0.6, len(rows))).astype("int64")
    first = (rows["member_id"].str.startswith("x")).to_numpy()
    if first.any():  # a person under two ids does what the person does
        person = pd.Series(np.arange(len(rows)), rows["member_id"])
        twin = person[rows.loc[first, "member_id"].str[1:]].to_numpy()
        orders[first], spend[first] = orders[twin], spend[twin]
    done = rows.assign(
        ordered=orders, orders=orders, spend=spend, returned=0, complete_at=rows["at"] + pd.Timedelta(days=14)
    )
    return done, float(np.mean(changed - chance))


def _log(rows: pd.DataFrame, how: str, rng: np.random.Generator) -> pd.DataFrame:
    seen = rng.random(len(rows)) < _SEEN
    if how == "lost logs":  # one writer of ten never wrote, and it served one arm
        seen &= ~((rows["arm"] == "treatment").to_numpy() & (rng.random(len(rows)) < 0.1))
    own = rows[seen]
    return own[["member_id", "trial", "arm", "at"]].reset_index(drop=True)
