"""How well every kept forecast of repurchase came true, period by period, each made before what it is judged on.

Source: Dawid (1984), Statistical theory: the prequential approach, JRSS A 147: 278-292.
"""

from datetime import date, timedelta

import ibis.expr.types as ir
import pandas as pd

from membership.base.timeline import Window
from membership.monitor import realised
from membership.stats import calibration

COLUMNS = ["as_of", "model_version", "members", "predicted", "realised", "log_loss", "expected", "chance", "so_far"]


def table(log: pd.DataFrame, members: pd.Series, events: ir.Table, until: date, confidence: float) -> pd.DataFrame:
    """Return one row a day of the predictions in `log` whose repurchase_days are over by `until`, oldest first.

    `members` are those of whom the data know now; others are left out. Columns: as_of; model_version; members;
    predicted and realised (shares who buy again in time); log_loss, what was `expected` of it and by how much `chance`
    may raise it, one-sided at `confidence`; so_far, the log loss of all members and days up to that one.
    """
    there = log[log["member_id"].isin(members)]
    over = there["as_of"] + pd.to_timedelta(there["repurchase_days"], unit="D") <= pd.Timestamp(until)
    rows = [_row(made, events, confidence) for _, made in there[over].groupby("as_of")]
    found = pd.DataFrame(rows, columns=COLUMNS[:-1])
    total = (found["log_loss"] * found["members"]).cumsum()
    return found.assign(so_far=total / found["members"].cumsum())


def _row(made: pd.DataFrame, events: ir.Table, confidence: float) -> dict:
    day, within = made["as_of"].iloc[0].date(), int(made["repurchase_days"].iloc[0])
    came = realised.did(events, Window(day, day + timedelta(days=within)), within)["repurchased"]
    happened = made["member_id"].map(came).fillna(0.0).to_numpy()
    found = calibration.surprise(happened, made["p_repurchase"].to_numpy(), confidence)
    shares = {"predicted": made["p_repurchase"].mean(), "realised": happened.mean()}
    named = {"as_of": day, "model_version": made["model_version"].iloc[0], "members": len(made)}
    return named | shares | vars(found)
