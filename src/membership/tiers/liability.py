"""What the points outstanding will cost: the books run forward until they have expired, as the run itself assumes.

From the last month end on, everybody goes on earning at the pace of the forecast and at the multiplier of the tier of
that day, and whoever redeems (`redeem_share`) goes on cashing whole vouchers (`redeem_at`). Points leave oldest first.
What is redeemed of the points that there are today is the liability; the rest of them is never redeemed: the breakage.
Points that are earned later only help to fill a voucher; they are a cost of later.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.stats

from membership.settings.tiers import Tiers
from membership.tiers import points, worth
from membership.tiers.points import Books, Claim
from membership.tiers.qualifying import Earning
from membership.tiers.worth import MONTH

REDEEMS, NEVER = "redeems", "never redeems"  # kinds of holders


@dataclass(frozen=True)
class Owed:
    """What the points outstanding will cost, in cents, with its interval over members, and of which lots."""

    cents: float
    low: float
    high: float
    most: float  # cents, if everybody who redeems filled a voucher with every point before it expires
    by_lot: pd.DataFrame  # see `owed`


def pace(value: pd.DataFrame, rank: pd.Series, settings: Tiers, horizon_days: int) -> np.ndarray:
    """Return the points that each member is expected to earn a day: (members,).

    `value`: member_id, expected_spend and expected_orders over the horizon; `rank`: member_id -> tier, kept from now.
    """
    multiplier = np.array([level.points_multiplier for level in settings.levels])
    base = worth.base_points(worth.expected(value, rank.to_frame()), settings)
    return base * multiplier[rank.to_numpy()] / horizon_days


def run_on(books: Books, pace: np.ndarray, claim: Claim, expire_days: int) -> Books:
    """Return `books` with the months in which today's points expire: `pace` (members,) points are earned a day."""
    last = books.earned.columns[-1]
    most = last + pd.Timedelta(days=expire_days)
    coming = pd.date_range(last, most + pd.offsets.MonthBegin(), freq="MS", inclusive="right")
    coming = coming[: int((coming < most).sum()) + 1].as_unit(
        books.earned.columns.unit
    )  # the first month end on which the last lot is of age
    whole = np.floor(np.outer(pace, (coming - last).days) + 1e-9)
    more = pd.DataFrame(np.diff(whole, prepend=0).astype("int32"), index=books.earned.index, columns=coming)
    earned = pd.concat([books.earned, more], axis=1)
    taken = pd.concat([books.reversed, 0 * more], axis=1)
    return points.keep(earned, taken, claim, expire_days)


def redeemed_later(whole: Books, books: Books) -> np.ndarray:
    """Return the points of each lot of `books` that are redeemed after their last month: (members, lots).

    `whole` is `books` run on.
    """
    earned = books.earned.to_numpy()
    upto, left = earned.cumsum(axis=1, dtype="int64"), points.gone(books)
    found = np.zeros(earned.shape, dtype="int64")
    for month in whole.earned.columns[earned.shape[1] :]:
        before = points.rest(upto, earned, left)
        left = left + whole.redeemed[month].to_numpy()
        found += before - points.rest(upto, earned, left)
        left = left + whole.expired[month].to_numpy()
    return found


def owed(books: Books, pace: np.ndarray, redeems: np.ndarray, settings: Tiers, confidence: float) -> Owed:
    """Return the liability for the points of `books`, whose members redeem (bool, members) and earn on at `pace`.

    The interval is over members, who are the unit: it holds who happens to redeem and what they hold, not whether
    the forecast is right. `by_lot` has one row a lot with points left and kind of holder: lot (month end), holder,
    months (to expiry), points, redeemed (of them, before they expire), breakage (share never redeemed) with low and
    high, cost (cents).
    """
    claim = points.as_before(books, points.vouchers(redeems, settings.redeem_at))
    whole = run_on(books, pace, claim, settings.points_expire_days)
    later, there, today = redeemed_later(whole, books), points.remaining(books), books.earned.columns[-1]
    z, rows = scipy.stats.norm.ppf((1 + confidence) / 2), []
    for lot, day in enumerate(books.earned.columns):
        months = max((day - today).days + settings.points_expire_days, 0) / MONTH
        for holder, who in ((REDEEMS, redeems), (NEVER, ~redeems)):
            kept, used = np.where(who, there[:, lot], 0), np.where(who, later[:, lot], 0)
            if kept.any():
                cost = settings.point_value * used.sum()
                rows.append((day, holder, months, kept.sum(), used.sum(), *_breakage(kept, used, z), cost))
    columns = ["lot", "holder", "months", "points", "redeemed", "breakage", "low", "high", "cost"]
    cents, most = settings.point_value * later.sum(axis=1), settings.point_value * there[redeems].sum()
    half = z * np.sqrt(len(cents)) * cents.std()
    low, high = np.clip([cents.sum() - half, cents.sum() + half], 0, most)
    return Owed(float(cents.sum()), float(low), float(high), float(most), pd.DataFrame(rows, columns=columns))


def expected_breakage(earning: Earning, value: pd.DataFrame, settings: Tiers, horizon_days: int) -> float:
    """Return the share of points that are never redeemed, of those earned so far by everybody in the entry tier.

    Known before there are any tiers, and whoever redeems: 1 less `redeem_share` times what redeemers redeem, up to
    the day on which the points have expired. Where nobody has earned anything, 1 less `redeem_share`.
    """
    shape = (len(earning.members), len(earning.months))
    entry = pd.DataFrame(np.zeros(shape, dtype="int8"), index=earning.members, columns=earning.months)
    claim = points.vouchers(np.ones(shape[0], dtype=bool), settings.redeem_at)
    books = points.keep(*points.earned(earning, entry), claim, settings.points_expire_days)
    daily = pace(value, entry.iloc[:, -1], settings, horizon_days)
    whole = run_on(books, daily, claim, settings.points_expire_days)
    came = (books.earned - books.reversed).to_numpy().sum(dtype="int64")
    used = books.redeemed.to_numpy().sum(dtype="int64") + redeemed_later(whole, books).sum()
    return 1 - settings.redeem_share * min(float(used / came), 1.0) if came > 0 else 1 - settings.redeem_share


def _breakage(kept: np.ndarray, used: np.ndarray, z: float) -> tuple[float, float, float]:
    """Return the share of `kept` that is not `used` (both (members,)), and its interval: that of a ratio of sums."""
    share = used.sum() / kept.sum()
    half = z * np.sqrt(len(kept)) * (used - share * kept).std() / kept.sum()
    return 1 - share, max(1 - share - half, 0.0), min(1 - share + half, 1.0)
