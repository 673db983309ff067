"""A randomised log like Hillstrom's e-mail test: its columns, a stated law, and the files that `dataset.files` reads.

64,000 members who bought within a year; a third each got an e-mail on men's goods, one on women's goods, or none. In
two weeks they visit, buy and spend. The original (Hillstrom 2008, MineThatData) can be read in the same way: `written`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

ROWS = 64_000
SENT, DAYS = pd.Timestamp("2008-03-20"), 14
ARMS = ("Mens E-Mail", "Womens E-Mail")
NONE = "No E-Mail"
_LEVEL, _SPEND, _SPREAD = -5.15, 4.5, 0.7  # log-odds of a purchase without e-mail; log of what it brings, and its sd
_VISIT = {NONE: 0.10, ARMS[0]: 0.17, ARMS[1]: 0.14}


@dataclass(frozen=True)
class Drawn:
    """`log`: Hillstrom's columns; `gain` (rows, arms): the true expected extra spend of each arm, units of currency."""

    log: pd.DataFrame
    gain: np.ndarray


def drawn(rows: int, seed: int, effect: float = 1.0) -> Drawn:
    """Draw a log of the law; `effect` multiplies all shifts of log-odds by e-mails (0: they change nothing).

    Log-odds of a purchase: a level, 0.3 a standard deviation of log history, -0.08 a month since the last purchase. The
    men's e-mail adds 0.9 for those who bought men's goods before and 0.4 for others, the women's 0.8 for those who
    bought women's goods before and -0.2 for others. Spend of a purchase is lognormal, the same in all arms.
    """
    rng = np.random.default_rng(seed)
    mens = rng.random(rows) < 0.55
    womens = np.where(mens, rng.random(rows) < 0.2, True)
    history = np.exp(rng.normal(5.05, 0.9, rows)).clip(29.99, 3345).round(2)
    recency = rng.integers(1, 13, rows)
    score = _LEVEL + 0.3 * (np.log(history) - 5.05) / 0.9 - 0.08 * (recency - 6)
    shift = effect * np.column_stack([np.where(mens, 0.9, 0.4), np.where(womens, 0.8, -0.2)])
    chance = expit(score[:, None] + np.column_stack([np.zeros(rows), shift]))
    arm = rng.integers(3, size=rows)
    bought = rng.random(rows) < chance[np.arange(rows), arm]
    segment = np.array([NONE, *ARMS])[arm]
    visit = bought | (rng.random(rows) < pd.Series(segment).map(_VISIT).to_numpy())
    log = pd.DataFrame(
        {
            "recency": recency,
            "history": history,
            "mens": mens.astype(int),
            "womens": womens.astype(int),
            "zip_code": rng.choice(["Urban", "Surburban", "Rural"], rows, p=[0.4, 0.45, 0.15]),
            "newbie": rng.integers(2, size=rows),
            "channel": rng.choice(["Web", "Phone", "Multichannel"], rows, p=[0.44, 0.44, 0.12]),
            "segment": segment,
            "visit": visit.astype(int),
            "conversion": bought.astype(int),
            "spend": np.where(bought, np.exp(rng.normal(_SPEND, _SPREAD, rows)), 0.0).round(2),
        }
    )
    return Drawn(log, (chance[:, 1:] - chance[:, :1]) * np.exp(_SPEND + _SPREAD**2 / 2))


def written(log: pd.DataFrame, folder: Path) -> None:
    """Write email.csv (the log, its rows numbered), email_events.csv and email_offers.csv to `folder`."""
    log = log.assign(member=np.arange(len(log)))
    before = log.assign(
        kind="purchase", at=SENT - pd.to_timedelta(30 * log["recency"], unit="D"), amount=log["history"]
    )
    visits = log[log["visit"] == 1].assign(kind="view", at=SENT, amount=0)
    orders = log[log["conversion"] == 1].assign(kind="purchase", at=SENT, amount=log["spend"])
    log.to_csv(folder / "email.csv", index=False)
    pd.concat([before, visits, orders])[["member", "kind", "at", "amount"]].to_csv(
        folder / "email_events.csv", index=False
    )
    offer = {"offer": "spring", "kind": "E-Mail", "from": SENT, "until": SENT + pd.Timedelta(days=DAYS)}
    pd.DataFrame([offer]).to_csv(folder / "email_offers.csv", index=False)
