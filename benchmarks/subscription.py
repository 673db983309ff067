"""Who renews a contract: published figures, cohorts projected further than they were fitted, and one whole market.

    python -m benchmarks.subscription --out JSON

`published`: the two cohorts of Fader & Hardie as contracts of 1,000 members each, read as stage value reads them; sBG's
published parameters beside those found. `projected`: fitted to their first years, what sBG and beta-discrete-Weibull
say of all later ones up to the twelfth. `market`: Foodie-Fi (MEMBERSHIP_DATA), on several days: what running plans will
bring within 90 days beside what was paid, and whether chances of the next renewal are calibrated.
"""

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.suite import Suite
from membership.base.errors import DataError, ProjectError
from membership.data import contracts
from membership.data.sources import files
from membership.data.standing import Book
from membership.lifetimes import renewals
from membership.lifetimes.renewals import Renewals
from membership.settings.dataset import Files
from membership.stats import calibration

SURVIVORS = {  # of 1,000 after 0, 1, ... 12 years: Fader & Hardie (2007), table 1 and appendix
    "Regular": (1000, 631, 468, 382, 326, 289, 262, 241, 223, 207, 194, 183, 173),
    "High End": (1000, 869, 743, 653, 593, 551, 517, 491, 468, 445, 427, 409, 394),
}
PUBLISHED = {
    "Regular": {"alpha": 0.704, "beta": 1.182, "log-likelihood": -1680.27},
    "High End": {"alpha": 0.668, "beta": 3.806, "log-likelihood": -1611.16},
}
YEARS = 7  # that the published parameters were fitted to
HORIZON = 90  # days
DAYS = pd.to_datetime(["2020-10-01", "2020-11-01", "2020-12-01", "2021-01-01", "2021-01-31"])
RENEWED = pd.date_range("2020-05-01", "2021-04-01", freq="MS")  # days on which the next renewal is forecast
LATE = 3  # days that a payment may be late
MAPPING = {
    "columns": {"member_id": "customer_id", "plan": "plan", "starts_at": "start_date"},
    "changes": True,
    "plans": {
        "trial": {"period": "day", "every": 7, "price": 0},
        "basic monthly": {"period": "month", "price": 9.9},
        "pro monthly": {"period": "month", "price": 19.9},
        "pro annual": {"period": "year", "price": 199},
        "churn": None,
    },
}


def cohort(survivors: tuple[int, ...], years: int) -> pd.DataFrame:
    """Return `Book.lives` of yearly contracts of which `survivors` are left, just after renewal number `years`."""
    left = np.repeat(np.arange(1, len(survivors)), -np.diff(survivors))
    ends = [pd.Timestamp(2000 + year, 1, 1) for year in left] + [pd.NaT] * survivors[-1]
    rows = pd.DataFrame({"member_id": [f"{number:04d}" for number in range(len(ends))], "ends_at": pd.Series(ends)})
    same = {"plan": "yearly", "starts_at": pd.Timestamp(2000, 1, 1), "period": "year", "price": 10_000}
    return Book.of(contracts.checked(rows.assign(**same))).lives(pd.Timestamp(2000 + years, 1, 2))


def published(seed: int) -> dict:
    """Return the published figures of sBG, and those found in contracts; nothing is drawn, so `seed` is not used."""
    rows = []
    for name, figures in PUBLISHED.items():
        model = renewals.candidates(cohort(SURVIVORS[name], YEARS))["sbg"]
        found = {"alpha": model.alpha, "beta": model.beta, "log-likelihood": model.estimate.log_likelihood}
        rows += [
            {"cohort": name, "figure": figure, "published": value, "found": found[figure]}
            for figure, value in figures.items()
        ]
    same = sum(round(row["found"], 2 if row["figure"] == "log-likelihood" else 3) == row["published"] for row in rows)
    return {"rows": rows, "goals": [_goal("figures of sBG as published", same, len(rows), same == len(rows))]}


def projected(seed: int) -> dict:
    """Return the mean absolute error of survival (percentage points) in the years after those fitted to."""
    rows = []
    for name, survivors in SURVIVORS.items():
        for years in (4, 5, 6, 7):
            models = renewals.candidates(cohort(survivors, years))
            later = np.arange(years + 1, len(survivors))
            known = np.array(survivors)[later] / survivors[0]
            error = {model: 100 * np.abs(one.survival(later) - known).mean() for model, one in models.items()}
            chosen = type(renewals.best(cohort(survivors, years))).__name__
            rows.append({"cohort": name, "years": years, "chosen": chosen} | error)
    error = {name: float(np.mean([row[name] for row in rows])) for name in ("steady", "sbg", "bdw")}
    goal = _goal(
        "mean error of BdW, percentage points",
        error["bdw"],
        f"<= sBG, {error['sbg']:.2f}",
        error["bdw"] <= error["sbg"],
    )
    return {"rows": rows, "error": error, "goals": [goal]}


def market(seed: int) -> dict:
    """Return forecasts of running plans beside what was paid, and the calibration of the next renewal."""
    data = read()
    book, paid = Book.of(data.contracts), data.events[data.events["kind"] != "cancel"]
    members = pd.Index(sorted(data.contracts["member_id"].unique()), name="member_id")
    forecasts = [_forecast(book, paid, members, day) for day in DAYS]
    rows = pd.concat([_renewed(book, paid, members, day) for day in RENEWED], ignore_index=True)
    found = calibration.of_chance(rows["came"].to_numpy(), rows["chance"].to_numpy(), 0.95)
    renewed = {"renewals": len(rows), "came": rows["came"].mean(), "chance": rows["chance"].mean()}
    renewed |= {"slope": found.slope, "low": found.low, "high": found.high, "error": found.error}
    by_plan = rows.groupby("plan")[["came", "chance"]].mean().assign(renewals=rows.groupby("plan").size())
    off = {
        name: np.mean([abs(row[f"{name}expected"] / row[f"{name}paid"] - 1) for row in forecasts])
        for name in ("", "monthly_")
    }
    goals = [
        _goal("slope of the next renewal", found.slope, "0.9-1.1", 0.9 <= found.slope <= 1.1),
        _goal("mean error of 90 days of running plans, share", off[""], "-", None),
        _goal("the same, of monthly plans", off["monthly_"], "-", None),
    ]
    plans = by_plan.reset_index().to_dict("records")
    return {"rows": forecasts, "calibration": renewed, "by_plan": plans, "goals": goals}


def read():
    """Return Foodie-Fi as canonical tables. Raises DataError where the shared data are missing."""
    folder = Path(os.environ.get("MEMBERSHIP_DATA", Path(__file__).parents[2] / "shared" / "data"))
    path = (folder / "fields" / "foodiefi" / "subscriptions.csv.gz").resolve()
    if not path.exists():
        raise DataError(f"no {path}; set MEMBERSHIP_DATA to the folder that holds fields/foodiefi.")
    where = {"paths": [str(path)], "folders": [str(path.parent)]}
    return files.read(Files.model_validate({"contracts": MAPPING | where}), "UTC", "USD")


def _forecast(book: Book, paid: pd.DataFrame, members: pd.Index, day: pd.Timestamp) -> dict:
    """Return payments and money (units of currency) within HORIZON of who has a running contract on `day`."""
    model, now = Renewals.fit(book.lives(day)), book.standing(day, members)
    expected = pd.DataFrame(model.payments(now, HORIZON), members, ["payments", "spend"])
    after = paid[(paid["local_at"] >= day) & (paid["local_at"] < day + pd.Timedelta(days=HORIZON))]
    monthly = now.index[now["period_days"].between(28, 31)]
    row = {"day": f"{day:%Y-%m-%d}", "members": int(now["plan"].notna().sum())}
    for name, who in (("", now.index[now["plan"].notna()]), ("monthly_", monthly)):
        did = after[after["member_id"].isin(who)]
        row |= {
            f"{name}expected": expected.loc[who, "spend"].sum() / 100,
            f"{name}paid": did["amount"].sum() / 100,
            f"{name}expected_payments": expected.loc[who, "payments"].sum(),
            f"{name}payments": len(did),
        }
    return row


def _renewed(book: Book, paid: pd.DataFrame, members: pd.Index, day: pd.Timestamp) -> pd.DataFrame:
    """Return the chance of the next payment of who is due before the next month, as known on `day`, and who paid."""
    now = book.standing(day, members)
    chance = pd.Series(Renewals.fit(book.lives(day)).chance(now), members)
    soon = now[now["due_in"] <= 27]
    until = day + pd.to_timedelta(soon["due_in"] + LATE, unit="D")
    first = paid[paid["local_at"] >= day].groupby("member_id")["local_at"].min().reindex(soon.index)
    return pd.DataFrame({"plan": soon["plan"], "chance": chance[soon.index], "came": (first <= until).to_numpy()})


def _goal(goal: str, found: float, asked: object, reached: bool | None) -> dict:
    return {"goal": goal, "found": float(found), "asked": asked, "reached": None if reached is None else bool(reached)}


PARTS = {"published": published, "projected": projected, "market": market}
SUITE = Suite("subscription", PARTS, ("numpy", "pandas", "scipy"))


def main() -> None:
    """Run the parts asked for and write the JSON after each."""
    SUITE.run(SUITE.arguments(__doc__).parse_args())


if __name__ == "__main__":
    try:
        main()
    except ProjectError as error:
        sys.exit(str(error))
