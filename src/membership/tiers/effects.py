"""What a tier changes, from designs that the rule itself carries: its thresholds, and thresholds that differ by member.

At each review (month end) a member is in a tier or not, for one reason that has nothing to do with what comes after:

    |-- last review --|------ buys ------|-- pressure_days --|-- review --|-- `days` after it --|
                       what has counted so far: `running`      in the tier?      orders, spend

Regression discontinuity: members push before a review, so what counts *at* the review is partly chosen, and whoever is
just above the threshold differs from whoever is just below. The running variable is therefore what had counted before
the pressure began. Above the threshold everybody gets the tier; below it those who buy enough in the last days: a fuzzy
design, whose ratio is the effect on those who do not. Compared are members who were not in the tier at the review
before and have bought since: without that purchase nobody could be above, but some are below.

Jitter and phases: a member's own threshold is random, so it is an instrument for the tier.

Outcomes are counted from the review to the next pressure, so that neither the pressure nor the next review is in them.
The effect is relative, as `tiers.levels.uplift`: of the step from the tier below, on whoever the design moves. It
assumes that a push does not borrow from the days after the review.
"""

import numpy as np
import pandas as pd

from membership.base.errors import DataError
from membership.settings.tiers import Tiers
from membership.stats import discontinuity, instruments
from membership.stats.discontinuity import Jump
from membership.tiers import jitter, qualifying, rules
from membership.tiers.rules import Rule

FAR = 0.5  # share of the threshold from which on a member says nothing about it
NEAR = 0.5  # share of the threshold within which a member, before thresholds differed, could be moved by it
STEPS = ["tier", "effect", "sd", "low", "high", "p_value", "moved", "members", "design"]


def shifts(members: pd.Index, settings: Tiers) -> np.ndarray:
    """Return by how much each member's thresholds are off, (members,): see `jitter`; 0 for all without it."""
    return jitter.assigned(members, settings.jitter)["shift"].to_numpy()


def reviews(events, members: pd.Series, months: pd.DatetimeIndex, settings: Tiers) -> dict[str, pd.DataFrame]:
    """Return what `rows` needs of each review but the first and the last: frames (members, reviews), index member_id.

    counted: what counts at the review as it stood `pressure_days` before; kept: as it stood at the review before;
    orders (purchase days) and spend (cents): of the days from the review to the next pressure.
    """
    between, last = months[1:-1], months[:-2]
    days = 28 - settings.pressure_days  # the shortest month
    outcomes = qualifying.after(events, members, months, days)
    starts = between - pd.Timedelta(days=settings.pressure_days)
    return {
        "counted": qualifying.counted(events, members, between, settings, starts),
        "kept": qualifying.counted(events, members, between, settings, last),
        **{name: frame[between] for name, frame in outcomes.items()},
    }


def rows(seen: dict[str, pd.DataFrame], ranks: pd.DataFrame, rule: Rule, level: int) -> pd.DataFrame:
    """Return one row a member and review at which the member could have risen to `level`: see the module.

    Columns member_id, review, running (what had counted over the threshold, less 1), given (whether the member is in
    the tier or above from the review on), orders, spend. `seen` as by `reviews`; `ranks`: see `rules.replay`, with
    the month before the first review.
    """
    counted = seen["counted"]
    values, at = ranks.to_numpy(), ranks.columns.get_indexer(counted.columns)
    running = counted.to_numpy() / rule.thresholds[level] - 1
    could = (values[:, at - 1] < level) & (counted.to_numpy() > seen["kept"].to_numpy()) & (np.abs(running) < FAR)
    who, when = np.nonzero(could)
    return pd.DataFrame(
        {
            "member_id": counted.index[who],
            "review": counted.columns[when],
            "running": running[who, when],
            "given": values[:, at][who, when] >= level,
            **{name: seen[name].to_numpy()[who, when] for name in ("orders", "spend")},
        }
    )


def at_threshold(table: pd.DataFrame, outcome: str, confidence: float) -> Jump:
    """Return the relative effect of the tier on `outcome` (orders or spend) by the jump at the threshold.

    `table` as by `rows`. Raises DataError where too few members are on a side.
    """
    y, given = table[outcome].to_numpy(float), table["given"].to_numpy()
    return discontinuity.ratio(y, -y * ~given, table["running"], confidence, table["member_id"])


def assigned_rows(
    seen: dict[str, pd.DataFrame], ranks: pd.DataFrame, rule: Rule, level: int, shifts: np.ndarray, start: pd.Series
) -> pd.DataFrame:
    """Return one row a member and review, of members whose amount at the `start` was within NEAR of the threshold.

    `shifts`: (members,) or (members, reviews), by how much the member's thresholds are off; `start` (members,): what
    qualified before they were, by which alone members are chosen. Columns as of `rows`, without running, and shift.
    """
    counted, values = seen["counted"], ranks.to_numpy()
    at = ranks.columns.get_indexer(counted.columns)
    near = np.flatnonzero(np.abs(start.to_numpy() / rule.thresholds[level] - 1) < NEAR)
    count = len(counted.columns)
    each = np.broadcast_to(shifts.reshape(len(counted), -1), counted.shape)
    return pd.DataFrame(
        {
            "member_id": counted.index[near.repeat(count)],
            "review": np.tile(counted.columns, len(near)),
            "shift": each[near].ravel(),
            "given": (values[near][:, at] >= level).ravel(),
            "before": start.to_numpy()[near].repeat(count) / rule.thresholds[level],
            **{name: seen[name].to_numpy()[near].ravel() for name in ("orders", "spend")},
        }
    )


def by_assignment(table: pd.DataFrame, outcome: str, confidence: float) -> instruments.Effect:
    """Return the relative effect of the tier on `outcome`, with the assigned threshold as instrument.

    `table` as by `assigned_rows`. Raises DataError where thresholds do not differ.
    """
    y, given = table[outcome].to_numpy(float), table["given"].to_numpy()
    shift, review, member = table["shift"], table["review"], table["member_id"]
    return instruments.wald(y, -y * ~given, -shift, confidence, review, member, table["before"])


def pushing(table: pd.DataFrame, confidence: float) -> Jump:
    """Return how the density of the running variable of `rows` jumps at the threshold: near 0 unless members push."""
    return discontinuity.density(table["running"], confidence)


def steps(
    seen: dict[str, pd.DataFrame],
    start: pd.Series,
    ranks: pd.DataFrame,
    rule: Rule,
    outcome: str,
    confidence: float,
    shifts: np.ndarray | None = None,
) -> pd.DataFrame:
    """Return the effect of each step up, one row a tier above the entry tier, from all reviews of `seen`.

    `start`: see `assigned_rows`. Columns: STEPS. effect is relative; moved: share of the members near the threshold
    whom the design moves into the tier; design: "threshold", or "jitter" where `shifts` (members,) differ; NaN where
    the data say nothing.
    """
    found = []
    for level, tier in enumerate(rule.names[1:], 1):
        differ = shifts is not None and shifts.any()
        given = (seen, ranks, rule, level)
        table = assigned_rows(*given, shifts, start) if differ else rows(*given)
        found.append((tier, *_step(table, outcome, confidence, differ), "jitter" if differ else "threshold"))
    return pd.DataFrame(found, columns=STEPS)


def _step(table: pd.DataFrame, outcome: str, confidence: float, differ: bool) -> tuple:
    members = table["member_id"].nunique()
    known = (table["review"], table["member_id"])
    try:
        if differ:
            one = by_assignment(table, outcome, confidence)
            moved = instruments.slope(table["given"], -table["shift"], confidence, *known).estimate
            moved *= np.ptp(table["shift"])
        else:
            one = at_threshold(table, outcome, confidence)
            moved = discontinuity.jump(table["given"], table["running"], confidence, table["member_id"]).estimate
    except DataError:
        return (*[np.nan] * 6, members)
    return one.estimate, one.sd, one.low, one.high, one.p_value, moved, members


def checks(
    seen: dict[str, pd.DataFrame], ranks: pd.DataFrame, rule: Rule, outcome: str, confidence: float
) -> pd.DataFrame:
    """Return how `outcome` jumps at each threshold, whatever the tier is, and where nothing should jump: index tier.

    jump, low, high (shares of the mean just below), p_value; pushing (p-value of a smooth density); members; placebos
    (amounts tried that are no threshold) and placebos_found (how many jump at this confidence). NaN where too few
    members are on a side. Where nobody has lived under the rule all of it is a rehearsal: 0 apart from chance.
    """
    found = []
    for level, tier in enumerate(rule.names[1:], 1):
        table = rows(seen, ranks, rule, level)
        members, told = table["member_id"].nunique(), (np.nan,) * 7
        try:
            one = discontinuity.jump(table[outcome], table["running"], confidence, table["member_id"])
            base = table.loc[table["running"].between(-one.h, 0, "left"), outcome].mean()
            other, share = placebos(table, outcome, confidence), np.array([one.estimate, one.low, one.high]) / base
            pushed = pushing(table, confidence).p_value
            told = (*share, one.p_value, pushed, len(other), (other["p_value"] < 1 - confidence).sum())
        except DataError:
            pass
        found.append((tier, members, *told))
    columns = ["tier", "members", "jump", "low", "high", "p_value", "pushing", "placebos", "placebos_found"]
    return pd.DataFrame(found, columns=columns).set_index("tier")


def placebos(table: pd.DataFrame, outcome: str, confidence: float) -> pd.DataFrame:
    """Return the jumps of `outcome` of `rows` at amounts that are no threshold: 0 apart from chance."""
    return discontinuity.placebos(table[outcome], table["running"], confidence, table["member_id"], count=2)


def in_force(seen: dict[str, pd.DataFrame], settings: Tiers) -> dict[str, pd.DataFrame]:
    """Return the reviews of `seen` since `tiers.in_force_since`: none where members have not lived under the rule."""
    since = settings.in_force_since
    columns = seen["counted"].columns
    kept = columns[columns > pd.Timestamp(since)] if since else columns[:0]
    return {name: frame[kept] for name, frame in seen.items()}


def learned(
    seen: dict[str, pd.DataFrame],
    amounts: pd.DataFrame,
    settings: Tiers,
    outcome: str,
    confidence: float,
    shifts: np.ndarray,
) -> pd.DataFrame:
    """Return `steps` of the listed thresholds since they are in force; no row where members have not lived under them.

    `amounts`: what qualifies, by month; `shifts` (members,): see `jitter`.
    """
    lived = in_force(seen, settings)
    reviewed = lived["counted"].columns
    if not len(reviewed):
        return pd.DataFrame(columns=STEPS)
    rule = rules.rule(settings, settings.thresholds)
    start = amounts.iloc[:, amounts.columns.get_loc(reviewed[0]) - 1]
    return steps(lived, start, rules.replay(amounts, rule, shifts), rule, outcome, confidence, shifts)
