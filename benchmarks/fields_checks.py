"""What a practitioner would check by hand in the outputs of a run, each as a function of the stored tables.

A check says what it counted and whether that is right; None where the data have nothing that it could look at.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

SOON_DAYS = 7  # who came back that recently has not lapsed
_FAR_OFF = 2.0  # a forecast of the total that is off by more than this factor is nonsense


@dataclass(frozen=True)
class Stored:
    """What a run left: canonical and derived tables by name (those that were possible), and what it ran with."""

    tables: Mapping[str, pd.DataFrame]
    as_of: pd.Timestamp
    holdout_end: pd.Timestamp
    horizon_days: int
    repurchase_days: int
    k: int
    silence_is_risk: bool = True
    new_first: bool = False  # items new to a member come first, as the preset says
    budget: float | None = None  # cents that benefits may cost
    facts: Mapping[str, Any] = field(default_factory=dict)  # counted from the raw files: see `benchmarks.fields_data`

    def get(self, name: str, needed: str = "member_id") -> pd.DataFrame | None:
        """Return a table; None where it was not possible or is empty."""
        table = self.tables.get(name)
        return table if table is not None and len(table) and needed in table else None

    @property
    def events(self) -> pd.DataFrame:
        """The events."""
        return self.tables["events"]

    @property
    def past(self) -> pd.DataFrame:
        """The events before the day of scoring."""
        return self.events[self.events["local_at"] < self.as_of]

    @property
    def left(self) -> set[str]:
        """The members who left before the day of scoring."""
        members = self.tables["members"]
        return set(members.loc[members["left_at"] < self.as_of, "member_id"]) if "left_at" in members else set()

    @property
    def paid_up(self) -> set[str]:
        """The members of whom a contract that costs something runs on the day of scoring."""
        contracts = self.get("contracts")
        if contracts is None:
            return set()
        runs = (contracts["starts_at"] <= self.as_of) & ~(contracts["ends_at"] <= self.as_of)
        return set(contracts.loc[runs & (contracts["price"] > 0), "member_id"]) - self.left


@dataclass(frozen=True)
class Found:
    """What a check counted, in words with numbers, and whether it is right."""

    found: str
    right: bool


def who_left_gets_nothing(run: Stored) -> Found | None:
    """Nobody who left has a benefit, a place in a trial that is being drawn, or something to do."""
    if not run.left:
        return None
    wrong = {
        "benefit": _members(run.get("allocations")) & run.left,
        "chance": _members(run.get("repurchase")) & run.left,
    }
    actions = run.get("actions")
    if actions is not None:
        wrong["action"] = set(actions.loc[actions["benefits"] != "", "member_id"]) & run.left
    count = {name: len(who) for name, who in wrong.items()}
    return Found(f"{len(run.left)} left; of them with {_counted(count)}", not any(count.values()))


def who_left_is_no_prospect(run: Stored) -> Found | None:
    """Nobody who left is invited to a first purchase or won back."""
    profile = run.get("profile")
    if not run.left or profile is None:
        return None
    stages = profile.loc[profile["member_id"].isin(run.left), "stage"].value_counts()
    wrong = int(stages.drop("left", errors="ignore").sum())
    return Found(f"{len(run.left)} left; {wrong} of them in a stage that calls for action", wrong == 0)


def who_is_paid_up_has_not_lapsed(run: Stored) -> Found | None:
    """Nobody whose contract runs is lapsed or at risk."""
    profile = run.get("profile")
    if not run.paid_up or profile is None:
        return None
    stage = profile.loc[profile["member_id"].isin(run.paid_up), "stage"]
    wrong = int(stage.isin(("lapsed", "at_risk", "prospect")).sum())
    return Found(f"{len(run.paid_up)} paid up; {wrong} of them lapsed, at risk or a prospect", wrong == 0)


def renewals_make_value(run: Stored) -> Found | None:
    """Members who renewed, and whose contract runs, are expected to pay."""
    value = run.get("value")
    renewed = set(run.past.loc[run.past["kind"] == "renewal", "member_id"]) & run.paid_up
    if not renewed or value is None:
        return None
    expected = value.loc[value["member_id"].isin(renewed), "expected_spend"]
    share = (expected > 0).mean()
    return Found(f"{len(expected)} renewed and run; {share:.0%} have an expected spend", bool(share >= 0.95))


def total_value_is_near_what_came(run: Stored) -> Found | None:
    """Expected spend of all is within a factor of two of what was paid, scaled to the days that are known."""
    value = run.get("value")
    days = min((run.holdout_end - run.as_of).days, run.horizon_days)
    until = run.as_of + pd.Timedelta(days=days)
    later = run.events[run.events["local_at"].between(run.as_of, until, inclusive="left") & run.events["pays"]]
    if value is None or later.empty:
        return None
    came = later.loc[later["member_id"].isin(value["member_id"]), "amount"].sum() * run.horizon_days / days
    expected = value["expected_spend"].sum()
    near = 1 / _FAR_OFF <= expected / came <= _FAR_OFF if came else expected == 0  # nothing may be known to be paid
    return Found(f"expected {expected / 100:,.0f}, came {came / 100:,.0f} in {run.horizon_days} days", bool(near))


def coming_back_is_as_often_as_forecast(run: Stored) -> Found | None:
    """The mean chance is within ten points of the share who came back."""
    table = run.get("repurchase")
    if table is None:
        return None
    until = run.as_of + pd.Timedelta(days=run.repurchase_days)
    later = run.events[run.events["local_at"].between(run.as_of, until, inclusive="left") & run.events["comes_back"]]
    rate, mean = table["member_id"].isin(later["member_id"]).mean(), table["p_repurchase"].mean()
    return Found(f"forecast {mean:.3f}, came {rate:.3f}", bool(abs(rate - mean) <= 0.1))


def who_came_lately_has_not_lapsed(run: Stored) -> Found | None:
    """Nobody who came back within the last days is lapsed or a prospect."""
    profile = run.get("profile")
    since = run.as_of - pd.Timedelta(days=SOON_DAYS)
    lately = set(run.past.loc[run.past["comes_back"] & (run.past["local_at"] >= since), "member_id"]) - run.left
    if profile is None or not lately:
        return None
    wrong = int(profile.loc[profile["member_id"].isin(lately), "stage"].isin(("lapsed", "prospect")).sum())
    return Found(f"{len(lately)} came in the last {SOON_DAYS} days; {wrong} of them lapsed or prospects", wrong == 0)


def silence_is_no_risk(run: Stored) -> Found | None:
    """Where silence is healthy nobody is at risk or lapsed."""
    profile = run.get("profile")
    if run.silence_is_risk or profile is None:
        return None
    wrong = int(profile["stage"].isin(("at_risk", "lapsed")).sum())
    return Found(f"{len(profile)} members; {wrong} at risk or lapsed", wrong == 0)


def lists_are_shorter_than_the_catalogue(run: Stored) -> Found | None:
    """No recall is 1 because the list holds the whole catalogue."""
    lists = run.get("recommendations")
    if lists is None:
        return None
    items = run.past.loc[run.past["comes_back"], "item_id"].nunique()
    longest = lists.groupby(["policy", "member_id"])["item_id"].nunique().max()
    return Found(f"lists of {longest} of {items} items", bool(longest * 2 <= items))


def what_is_new_comes_first(run: Stored) -> Found | None:
    """Where nearly nothing is had twice, lists hold items that are new to their member."""
    lists = run.get("recommendations")
    if lists is None or not run.new_first:
        return None
    lists = lists[lists["policy"] == "challenger"]
    had = set(zip(run.past["member_id"], run.past["item_id"], strict=True))
    new = [pair not in had for pair in zip(lists["member_id"], lists["item_id"], strict=True)]
    share = sum(new) / len(new) if new else 1.0
    return Found(f"{share:.0%} of listed items are new to their member", bool(share >= 0.9))


def nothing_is_listed_that_did_not_exist(run: Stored) -> Found | None:
    """Every listed item had been seen before the day of scoring."""
    lists = run.get("recommendations")
    if lists is None:
        return None
    unknown = set(lists["item_id"]) - set(run.past["item_id"].dropna())
    return Found(f"{lists['item_id'].nunique()} items listed; {len(unknown)} of them unseen before", not unknown)


def the_budget_is_kept(run: Stored) -> Found | None:
    """Benefits are expected to cost no more than the budget."""
    given = run.get("allocations")
    if run.budget is None or "allocations" not in run.tables:
        return None
    cost = 0.0 if given is None else given["cost"].sum()
    return Found(f"cost {cost / 100:,.2f} of {run.budget / 100:,.2f}", bool(cost <= run.budget * 1.01 + 1))


def everybody_there_has_one_row(run: Stored) -> Found | None:
    """Actions have one row for each member who is there, and none for others."""
    actions = run.get("actions")
    if actions is None:
        return None
    twice, members = int(actions["member_id"].duplicated().sum()), len(run.tables["members"])
    return Found(f"{len(actions)} rows, {members} members, {twice} twice", twice == 0 and len(actions) <= members)


def points_are_those_of_the_books(run: Stored) -> Found | None:
    """Each member's balance is what the data say was earned less what was redeemed and expired."""
    books, tiers = run.get("points"), run.get("tiers")
    if books is None or tiers is None:
        return None
    ledger = run.get("points_ledger")
    until = run.as_of if ledger is None else ledger["at"].max()
    past = books[books["at"] < until]
    due = (past["earned"] - past["redeemed"] - past["expired"]).groupby(past["member_id"]).sum()
    due = due.reindex(tiers["member_id"]).fillna(0).clip(lower=0)
    said = tiers.set_index("member_id")["points"]
    return Found(f"{said.sum():,.0f} points outstanding, {due.sum():,.0f} in the books", bool((said == due).all()))


def _is_counted(fact: str, count: Callable[[Stored], float]) -> Callable[[Stored], Found | None]:
    def check(run: Stored) -> Found | None:
        if fact not in run.facts:
            return None
        ours, theirs = count(run), run.facts[fact]
        return Found(f"{ours:,.0f} {fact}, {theirs:,.0f} in the files", bool(abs(ours - theirs) < 0.5))

    return check


def _days(run: Stored) -> float:
    back = run.events[run.events["comes_back"]]
    return len(back.assign(day=back["local_at"].dt.normalize()).drop_duplicates(["member_id", "day"]))


CHECKS: dict[str, Callable[[Stored], Found | None]] = {
    "who left gets nothing": who_left_gets_nothing,
    "who left is no prospect": who_left_is_no_prospect,
    "who is paid up has not lapsed": who_is_paid_up_has_not_lapsed,
    "renewals make value": renewals_make_value,
    "total value is near what came": total_value_is_near_what_came,
    "coming back is as often as forecast": coming_back_is_as_often_as_forecast,
    "who came lately has not lapsed": who_came_lately_has_not_lapsed,
    "silence is no risk": silence_is_no_risk,
    "lists are shorter than the catalogue": lists_are_shorter_than_the_catalogue,
    "what is new comes first": what_is_new_comes_first,
    "nothing is listed that did not exist": nothing_is_listed_that_did_not_exist,
    "the budget is kept": the_budget_is_kept,
    "everybody there has one row": everybody_there_has_one_row,
    "points are those of the books": points_are_those_of_the_books,
    "members are those of the files": _is_counted("members", lambda run: len(run.tables["members"])),
    "coming back is what it is in the files": _is_counted("returns", lambda run: run.events["comes_back"].sum()),
    "who left is who left in the files": _is_counted("left", lambda run: len(run.left)),
    "days of coming back are those of the files": _is_counted("days", _days),
    "spend is that of the files": _is_counted("cents", lambda run: run.events.loc[run.events["pays"], "amount"].sum()),
}


def run_all(run: Stored) -> dict[str, Found]:
    """Return check -> what it found, of the checks that have something to look at."""
    found = {name: check(run) for name, check in CHECKS.items()}
    return {name: one for name, one in found.items() if one is not None}


def _members(table: pd.DataFrame | None) -> set[str]:
    return set() if table is None else set(table["member_id"])


def _counted(count: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in count.items())
