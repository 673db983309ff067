"""Points: the books balance, oldest points go first, and what is owed is settled."""

from collections import Counter

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from meaning import meant

from membership.base import tables
from membership.settings import params
from membership.tiers import points, qualifying

KNOBS = params.parse(params.read()).tiers
AMOUNTS = st.lists(st.integers(0, 300), min_size=8, max_size=8)
MONTHS = pd.date_range("2020-02-01", periods=8, freq="MS").as_unit("us")
START = pd.Timestamp("2020-01-01")


def frame(amounts):
    return pd.DataFrame([amounts], index=pd.Index(["m"], name="member_id"), columns=MONTHS[: len(amounts)])


def books(earned, claimed, taken=None, days=60):
    """Keep one member's books; `claimed` is what the member would like to redeem each month."""
    taken = taken or [0] * len(earned)
    return points.keep(frame(earned), frame(taken), lambda month, there: np.array([claimed[month]]), days)


def row(found):
    return found.loc["m"].tolist()


def queue_of_lots(earned, taken, claimed, days):
    """Keep the same books for each lot: return redeemed, expired and balance of each month."""
    lots, debt, rows = [], 0, []
    for month, new, back, asked in zip(MONTHS, earned, taken, claimed, strict=False):
        lots.append([month, new])
        debt += back
        debt = use(lots, debt)
        redeemed = min(asked, sum(left for _, left in lots))
        use(lots, redeemed)
        expired = sum(left for day, left in lots if day + pd.Timedelta(days=days) <= month)
        lots = [[day, left] for day, left in lots if day + pd.Timedelta(days=days) > month]
        rows.append((redeemed, expired, sum(left for _, left in lots) - debt))
    return rows


def use(lots, wanted):
    """Take `wanted` points from `lots`, oldest first; return what could not be had."""
    for lot in lots:
        used = min(lot[1], wanted)
        lot[1], wanted = lot[1] - used, wanted - used
    return wanted


def test_books_by_hand():
    # lots of 1 Feb, 1 Mar, 1 Apr ...; 60 days after 1 Feb is 1 Apr, after 1 Mar is 30 Apr
    found = books([100, 50, 10, 0, 0], [0, 30, 0, 200, 0])
    assert row(found.redeemed) == [0, 30, 0, 60, 0]  # on 1 May the lot of 1 Mar can still be redeemed
    assert row(found.expired) == [0, 0, 70, 0, 0]  # of the 100, 30 were used first
    assert row(found.balance) == [100, 120, 60, 0, 0]
    assert found.last.to_dict() == {"m": 0}


def test_points_taken_back_once_spent_are_a_debt_that_later_points_settle():
    found = books([100, 0, 30, 90], [100, 50, 50, 50], taken=[0, 100, 0, 0], days=900)
    assert row(found.redeemed) == [100, 0, 0, 20]
    assert row(found.balance) == [0, -100, -70, 0]


@given(AMOUNTS, AMOUNTS, AMOUNTS, st.integers(1, 400))
@settings(max_examples=120, deadline=None)
def test_books_balance_and_agree_with_a_queue_of_lots(earned, taken, claimed, days):
    found = books(earned, claimed, taken, days)
    expected = queue_of_lots(earned, taken, claimed, days)
    assert list(zip(row(found.redeemed), row(found.expired), row(found.balance), strict=True)) == expected
    rest = points.remaining(found)
    assert (rest >= 0).all()
    assert rest.sum() == max(expected[-1][2], 0)
    assert found.last["m"] == expected[-1][2]


EVENTS = st.lists(
    st.tuples(
        st.integers(0, 2),  # member
        st.integers(0, 4),  # order of that member; 4: no order id
        st.sampled_from(["purchase", "purchase", "return"]),
        st.integers(0, 212),  # days from the start
        st.integers(1, 4000),  # cents
    ),
    max_size=25,
)


def order_by_order(rows, ranks, knobs):
    """Return points earned and taken back of each member and month, event by event as a clerk would book them."""
    bounds = np.array([(day - START).days for day in MONTHS])
    multiplier = [level.points_multiplier for level in knobs.levels]
    total = {flow: np.zeros((3, len(MONTHS)), dtype=int) for flow in ("earned", "reversed")}
    kept, origin = {}, {}
    slips = Counter()  # of one order and month, purchases before returns
    for member, order, cents, kind, day in rows:
        slips[np.searchsorted(bounds, day, side="right"), kind == "return", member, order] += cents
    for (month, returned, member, order), cents in sorted(slips.items()):
        if returned and (member, order) not in origin:
            total["reversed"][member, month] += cents // 100
            continue
        first = origin.setdefault((member, order), month)
        rate = multiplier[ranks[member, first - 1] if first else 0]
        before = kept.get((member, order), 0)
        kept[member, order] = before + (-cents if returned else cents)
        had, has = (
            int(rate * (max(held, 0) // 100 + knobs.points_per_order * (held > 0)) + 1e-9)
            for held in (before, kept[member, order])
        )
        total["reversed" if returned else "earned"][member, month] += abs(has - had)
    return total


@given(EVENTS, st.integers(0, 2**31), st.sampled_from([0, 5]))
@settings(max_examples=15, deadline=None, phases=[Phase.explicit, Phase.generate])  # shrinking would take minutes
def test_books_of_random_orders_and_returns_balance_to_the_point_and_to_the_cent(rows, seed, per_order):
    knobs = KNOBS.model_copy(
        update={"points_per_unit": 1.0, "points_per_order": per_order, "redeem_at": 20, "points_expire_days": 60}
    )
    stream = [
        (
            f"m{member}",
            f"o{order}",
            kind,
            START + pd.Timedelta(days=day, hours=12),
            -cents if kind == "return" else cents,
        )
        for member, order, kind, day, cents in rows
    ]
    columns = ["member_id", "order_id", "kind", "local_at", "amount"]
    events = pd.DataFrame(stream, columns=columns).astype({"local_at": "datetime64[us]", "amount": "int64"})
    events = meant(events).astype(dict.fromkeys(["member_id", "order_id", "kind"], "str"))
    members = pd.Series(["m0", "m1", "m2"])
    ranks = np.random.default_rng(seed).integers(0, 4, (3, len(MONTHS))).astype("int8")
    earning = qualifying.earning(ibis.memtable(events), members, MONTHS, knobs)
    found = points.replay(earning, pd.DataFrame(ranks, index=members, columns=MONTHS), knobs, seed)
    clerk = order_by_order([(m, o, c, k, d) for m, o, k, d, c in rows], ranks, knobs)
    assert found.earned.to_numpy().tolist() == clerk["earned"].tolist()
    assert found.reversed.to_numpy().tolist() == clerk["reversed"].tolist()
    flows = found.earned - found.reversed - found.redeemed - found.expired
    opening = found.balance.shift(1, axis=1, fill_value=0)
    pd.testing.assert_frame_equal(opening + flows, found.balance, check_dtype=False)
    cents = points.face_value(found, knobs)
    assert (cents["opening"] + cents["earned"] - cents[["reversed", "redeemed", "expired"]].sum(axis=1)).equals(
        cents["closing"]
    )
    assert (cents["closing"] - found.balance.sum() * knobs.point_value).abs().max() <= 2


@pytest.mark.parametrize("value", [0.0, 0.5, 1 / 3, 0.0007, 12.5])
def test_cents_are_rounded_once_and_never_drift(value):
    found = books([1] * 8, [0] * 8, days=900)
    cents = points.face_value(found, KNOBS.model_copy(update={"point_value": value}))
    assert (cents["closing"] - value * np.arange(1, 9)).abs().max() <= 0.5
    assert cents["opening"].tolist() == [0, *cents["closing"].tolist()[:-1]]


def test_redeemers_cash_all_whole_vouchers_and_others_none():
    earned = pd.DataFrame(500, index=list("ab"), columns=MONTHS[:2])
    claim = points.vouchers(np.array([True, False]), 200)
    found = points.keep(earned, earned * 0, claim, 900)
    assert found.redeemed.to_numpy().tolist() == [[400, 600], [0, 0]]
    assert points.redeemers(20_000, KNOBS.model_copy(update={"redeem_share": 0.3}), 1).mean() == pytest.approx(
        0.3, abs=0.01
    )
    assert not points.redeemers(100, KNOBS.model_copy(update={"redeem_share": 0.0}), 1).any()


def test_the_ledger_is_the_table_of_the_books(workspace):
    tables.write("points_ledger", points.table(books([100, 0], [0, 0], taken=[0, 130])))
    ledger = tables.read("points_ledger")
    assert ledger["balance"].tolist() == [100, -30]
    assert ledger["at"].tolist() == list(MONTHS[:2])
