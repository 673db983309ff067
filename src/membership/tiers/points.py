"""Points: the books that the programme would have kept, for each lot and month.

A lot is what a member earned in a month; points are worth the same in any lot. At each month end, in this order:

    earned     whole points of the month's orders, at the multiplier of the tier in which the month began
    reversed   what returned orders had earned, at the multiplier then; what is no longer there is a debt, which
               later earnings settle
    redeemed   vouchers of `redeem_at` points, no more than there are
    expired    what is left of lots that ended `points_expire_days` ago or longer

Points leave oldest first, so a lot is used up when all that ever left exceeds all that came up to it: one running
total a member is the whole state. In whole points, opening + earned - reversed - redeemed - expired = closing for each
member and month; a closing balance below 0 is a debt.

Where the data have a ledger of their own (table `points`) that one is the truth: `recorded`, and nothing is assumed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from membership.base import seeds
from membership.settings.tiers import Tiers
from membership.tiers.qualifying import Earning

FLOWS = ("earned", "reversed", "redeemed", "expired")
Claim = Callable[[int, np.ndarray], np.ndarray]  # month, points there are (members,) -> points claimed (members,)


@dataclass(frozen=True)
class Books:
    """What happened to points: frames of whole points, int32, none negative; one row a member, one column a month."""

    earned: pd.DataFrame
    reversed: pd.DataFrame
    redeemed: pd.DataFrame
    expired: pd.DataFrame

    @property
    def balance(self) -> pd.DataFrame:
        """Points left at each month end; below 0, points owed for returned orders."""
        change = self.earned - self.reversed - self.redeemed - self.expired
        return change.cumsum(axis=1)

    @property
    def last(self) -> pd.Series:
        """Points left at the last month end."""
        flows = [getattr(self, flow).to_numpy().sum(axis=1, dtype="int64") for flow in FLOWS]
        return pd.Series(flows[0] - flows[1] - flows[2] - flows[3], index=self.earned.index, name="points")


def earned(earning: Earning, ranks: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the points earned and reversed in each month, with the tiers in `ranks` (at the end of each month)."""
    level = np.where(earning.ordered > 0, ranks.to_numpy()[earning.row, earning.ordered - 1], 0)
    frames = []
    for points in (earning.earned, earning.reversed):
        total = np.zeros(ranks.shape, dtype="int32", order="F")
        np.add.at(total, (earning.row, earning.month), points[np.arange(len(points)), level])
        frames.append(_frame(total, ranks))
    return frames[0], frames[1]


def vouchers(redeemers: np.ndarray, redeem_at: int) -> Claim:
    """Return the claim of `redeemers` (bool, members): all whole vouchers of `redeem_at` points, at once."""
    return lambda month, there: np.where(redeemers, there // redeem_at * redeem_at, 0)


def redeemers(members: int, settings: Tiers, seed: int) -> np.ndarray:
    """Draw who redeems: each of `members` with probability `redeem_share`."""
    return seeds.rng(seed, "redeemers").random(members) < settings.redeem_share


def keep(earned: pd.DataFrame, reversed_: pd.DataFrame, claim: Claim, expire_days: int) -> Books:
    """Keep the books of points `earned` and `reversed_` (whole, none negative) in months that end at their columns.

    `claim` says month by month what members want to redeem of the points there are (0 for who is in debt).
    """
    days = pd.DatetimeIndex(earned.columns)
    came, left, of_age = (np.zeros(len(earned), dtype="int64") for _ in range(3))
    redeemed, expired = (np.zeros(earned.shape, dtype="int32", order="F") for _ in range(2))
    grown = 0  # lots that have come of age
    for month, day in enumerate(days):
        came += earned.iloc[:, month].to_numpy()
        left += reversed_.iloc[:, month].to_numpy()
        there = np.maximum(came - left, 0)
        redeemed[:, month] = np.clip(claim(month, there), 0, there)
        left += redeemed[:, month]
        for lot in range(grown, int((days + pd.Timedelta(days=expire_days) <= day).sum())):
            of_age += earned.iloc[:, lot].to_numpy()
            grown = lot + 1
        expired[:, month] = np.maximum(of_age - left, 0)
        left += expired[:, month]
    return Books(earned, reversed_, _frame(redeemed, earned), _frame(expired, earned))


def replay(earning: Earning, ranks: pd.DataFrame, settings: Tiers, seed: int) -> Books:
    """Return the books of the orders in `earning`, with the tiers in `ranks` and redemptions as `settings` assume."""
    claim = vouchers(redeemers(len(ranks), settings, seed), settings.redeem_at)
    return keep(*earned(earning, ranks), claim, settings.points_expire_days)


def recorded(ledger: pd.DataFrame, ranks: pd.DataFrame) -> Books:
    """Return the books that `ledger` (table `points`) says were kept of the members and months of `ranks`.

    A month has what came before its end, the first one also all that came earlier. Parts of a point are carried on to
    the next month, so that balances are off by less than one point for each flow.
    """
    ends = pd.DatetimeIndex(ranks.columns)
    known = ledger[ledger["member_id"].isin(ranks.index) & (ledger["at"] < ends[-1])]
    month = np.searchsorted(ends.to_numpy(), known["at"].to_numpy(ends.dtype), side="right")
    row = ranks.index.get_indexer(known["member_id"])
    frames = {}
    for flow in ("earned", "redeemed", "expired"):
        total = np.zeros(ranks.shape)
        np.add.at(total, (row, month), known[flow].fillna(0.0).to_numpy(float))
        whole = np.rint(total.cumsum(axis=1))
        frames[flow] = _frame(np.diff(whole, prepend=0, axis=1).astype("int32"), ranks)
    return Books(reversed=_frame(np.zeros(ranks.shape, dtype="int32"), ranks), **frames)


def kept(
    ledger: pd.DataFrame, earning: Earning, ranks: pd.DataFrame, settings: Tiers, seed: int
) -> tuple[Books, np.ndarray]:
    """Return the books, and who redeems: (members,), bool.

    `recorded` where the data have a `ledger`, and then who ever redeemed; else `replay`, and who is assumed to.
    """
    if ledger.empty:
        return replay(earning, ranks, settings, seed), redeemers(len(ranks), settings, seed)
    books = recorded(ledger, ranks)
    return books, (books.redeemed.to_numpy() > 0).any(axis=1)


def as_before(books: Books, claim: Claim) -> Claim:
    """Return the claim that redeems in the months of `books` what was redeemed then, and after them as `claim` says."""
    past = books.redeemed.to_numpy()
    return lambda month, there: past[:, month] if month < past.shape[1] else claim(month, there)


def table(books: Books) -> pd.DataFrame:
    """Return the books as table `points_ledger`: member_id, at (month end), the flows and the balance, whole points."""
    members, months = books.earned.shape
    flows = {flow: getattr(books, flow).to_numpy().ravel() for flow in FLOWS}
    return pd.DataFrame(
        {
            "member_id": books.earned.index.repeat(months),
            "at": np.tile(books.earned.columns, members),
            **flows,
            "balance": books.balance.to_numpy().ravel(),
        }
    )


def face_value(books: Books, settings: Tiers) -> pd.DataFrame:
    """Return the value of all points in whole cents, month by month: opening, earned, ..., expired, closing.

    As if all were redeemed; how many will be: `liability`. The one rounding: the running total of each flow is rounded
    to cents and a month's cents are what it grew by. So opening + earned - reversed - redeemed - expired = closing to
    the cent, nothing adds up over the months, and closing is never more than 2 cents off the balance times
    `point_value`. Points owed by members are set off.
    """
    totals = {flow: getattr(books, flow).to_numpy().sum(axis=0, dtype="int64").cumsum() for flow in FLOWS}
    cents = {flow: np.rint(total * settings.point_value).astype("int64") for flow, total in totals.items()}
    closing = cents["earned"] - cents["reversed"] - cents["redeemed"] - cents["expired"]
    table = pd.DataFrame({flow: np.diff(total, prepend=0) for flow, total in cents.items()}, index=books.earned.columns)
    return table.assign(closing=closing).assign(opening=np.r_[0, closing[:-1]])[["opening", *FLOWS, "closing"]]


def gone(books: Books) -> np.ndarray:
    """Return how many points each member has ever lost, by return, redemption or expiry: (members,)."""
    return sum(getattr(books, flow).to_numpy().sum(axis=1, dtype="int64") for flow in FLOWS[1:])


def rest(upto: np.ndarray, earned: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Return what is left of each lot, oldest first: (members, lots).

    `earned` (members, lots) and its running total `upto`; `left` (members,) points have gone.
    """
    return np.clip(upto - left[:, None], 0, earned)


def remaining(books: Books) -> np.ndarray:
    """Return what is left of each month's points at the last month end: (members, lots)."""
    earned = books.earned.to_numpy()
    return rest(earned.cumsum(axis=1, dtype="int64"), earned, gone(books))


def _frame(values: np.ndarray, like: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(values, index=like.index, columns=like.columns, copy=False)
