"""Forecasts where members have a season, against the truth: `python -m benchmarks.seasons [--draws N]`.

Members come about every 60 days, each at a rate of their own, for three years; in some markets times a season. On a
day of the third year the rule chooses among simple candidates by earlier days, and what follows within 30 days judges
them. No boosted trees, so that a draw takes seconds.
"""

import argparse
import sys
from collections.abc import Callable

import numpy as np
import pandas as pd

from membership.repurchase import candidates, choose, judge
from membership.repurchase.purchase_days import PurchaseDays
from membership.settings.repurchase import Repurchase

MEMBERS, YEARS, DAYS, GAP = 300, 3, 30, 60
BEGINS = 17_000  # days since 1970
PEAK = 330  # day of the year on which the last weeks begin
SETTINGS = Repurchase(candidates=["season", "own_rate", "base_rate", "last_time", "logistic"]).reaching(DAYS)
SEASONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # of days of the year: times the usual rate
    "none": np.ones_like,
    "a wave": lambda day: np.exp(0.6 * np.sin(2 * np.pi * day / 365)),
    "last weeks": lambda day: np.where(day >= PEAK, 3.0, 0.8),
}


def main() -> int:
    """Print, of each kind of market, the mean log loss of what is tried and used, and how far off the level is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=8, help="markets of each kind")
    draws = parser.parse_args().draws
    rows = {name: pd.DataFrame([one(name, seed) for seed in range(draws)]).mean() for name in SEASONS}
    print(pd.DataFrame.from_dict(rows, orient="index").round(4).to_string())
    return 0


def one(kind: str, seed: int) -> dict[str, float]:
    """Return the log loss of each candidate and of what is used, and the levels' absolute errors, of one draw."""
    history = drawn(SEASONS[kind], seed)
    day_of_year = PEAK if kind == "last weeks" else int(np.random.default_rng(seed).integers(30, PEAK))
    as_of = BEGINS + 365 * (YEARS - 1) + day_of_year
    known = history.until(as_of)
    rolled = judge.roll(known, as_of, DAYS, SETTINGS, seed=1)
    fitted = candidates.fit(known, as_of, SETTINGS, seed=1)
    used = choose.choose(rolled.judged, list(fitted.candidates), SETTINGS.confidence).name
    seen = judge.observe(fitted, history, [as_of], DAYS)
    losses = {name: judge.log_losses(seen.came, chance).mean() for name, chance in seen.chances.items()}
    level = {f"level_{name}": abs(seen.chances[name].mean() - seen.came.mean()) for name in ("logistic", "season")}
    return losses | {"used": losses[used]} | level


def drawn(season: Callable[[np.ndarray], np.ndarray], seed: int) -> PurchaseDays:
    """Return what members do at rates that are Gamma(1.5), times the `season`."""
    rng = np.random.default_rng(seed)
    daily, day = rng.gamma(1.5, 1 / 1.5 / GAP, MEMBERS), np.arange(365 * YEARS)
    came = rng.random((MEMBERS, len(day))) < np.minimum(daily[:, None] * season(day % 365 + 0.0), 1)
    rows, days = np.nonzero(came)
    starts = np.concatenate([[0], np.cumsum(came.sum(axis=1))])
    names = pd.Index([f"m{number:03}" for number in range(MEMBERS)], name="member_id")
    return PurchaseDays(names, np.full(MEMBERS, BEGINS), starts, BEGINS + days, np.full(len(rows), 100))


if __name__ == "__main__":
    sys.exit(main())
