"""What the kinds of events in a column mean, and which rows speak of campaigns instead."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from membership.base.errors import DataError
from membership.base.schemas import KINDS, RETURN
from membership.data.guessing import words
from membership.data.guessing.cells import Column

_LENT = 0.7  # returns for each that was taken, without amounts, from which things are lent
HAPPENED = "happened"  # of rows of which the name of the file, its times or the field tells the kind
_STATES = ("status", "state", "order status", "zustand", "statut", "estado", "stato", "订单状态", "状态", "статус")
_VOID = (
    "cancel", "fail", "declin", "pending", "void", "draft", "no show", "noshow", "not attend", "did not", "missed",
    "absent", "reject", "expired", "abandon", "abgebrochen", "fehlgeschlagen", "offen", "abgesagt",
    "nicht erschienen", "storn", "取消", "关闭", "отмен",
)  # fmt: skip
_DONE = (
    "success", "succe", "complet", "paid", "ok", "done", "deliver", "confirm", "settled", "approv", "fulfil", "shipped",
    "attended", "erledigt", "bezahlt", "erfolg", "abgeschlossen",
    "checked out", "完成", "已支付", "已付款", "成功", "выполнен", "оплачен",
)  # fmt: skip
_SWITCHES = {("0", "1"), ("no", "yes"), ("n", "y"), ("false", "true"), ("f", "t"), ("ja", "nein"), ("non", "oui")}
_ON = ("1", "yes", "y", "true", "t", "ja", "oui")


@dataclass(frozen=True)
class Kinds:
    """Their kind -> ours, None where rows are left out; `unknown` those of which no word tells."""

    known: Mapping[str, str | None]
    unknown: tuple[str, ...] = ()
    reached: tuple[str, ...] = ()  # an offer reached a member
    redeemed: tuple[str, ...] = ()  # a member used an offer


def switch(column: Column) -> dict[str, str | None] | None:
    """Return yes -> None, no -> HAPPENED of a column such as `cancelled`: yes or no; None where it is none."""
    values = sorted(set(column.cells.dropna().str.strip()) - {""})
    void = any(word in words.plain(column.name) for word in _VOID)
    if not void or tuple(value.lower() for value in values) not in _SWITCHES:
        return None
    return {value: None if value.lower() in _ON else HAPPENED for value in values}


def share_known(column: Column) -> float:
    """Return the share of rows whose kind a word tells; of a state, whether it came to pass."""
    counts = column.cells.str.strip().value_counts()
    states = is_state(column)
    known = [one for one in counts.index if words.kind_of(one, KINDS) or _of_campaign(one) or (states and _tells(one))]
    return float(counts[known].sum() / max(counts.sum(), 1))


def is_state(column: Column) -> bool:
    """Say whether a column is called like the state of an order, a payment or an appointment."""
    return words.likeness(column.name, _STATES) >= 2


def _tells(state: str) -> bool:
    name = words.plain(state)
    return any(word in name for word in (*_VOID, *_DONE))


def kinds(column: Column, told: Mapping[str, str | None], has_offer: bool) -> Kinds:
    """Return the meaning of the values of `column`. Raises DataError where they are codes that nobody told."""
    values = sorted(set(column.cells.dropna().str.strip()) - {""})
    if is_state(column):
        return Kinds({value: told.get(value, _state(value)) for value in values})
    reached = tuple(value for value in values if has_offer and _has(value, words.REACHED))
    redeemed = tuple(value for value in values if has_offer and _has(value, words.REDEEMED))
    of_offers = {
        *reached,
        *redeemed,
        *(value for value in values if has_offer and "offer" in words.plain(value).split()),
    }
    guessed = {value: None if value in of_offers else words.kind_of(value, KINDS) for value in values}
    known = {value: told.get(value, guessed[value]) for value in values}
    unknown = tuple(value for value in values if known[value] is None and value not in of_offers and value not in told)
    if len(unknown) == len(values):
        raise DataError(
            f"column '{column.name}': its kinds {', '.join(map(repr, values[:8]))} say nothing of what they mean. "
            f"Say it: --kind {values[0]}=purchase (allowed: {', '.join(KINDS)}, or nothing: left out)."
        )
    return Kinds(known, unknown, reached, redeemed)


def brought_back(known: Mapping[str, str | None], column: Column) -> dict[str, str | None]:
    """Return `known` without returns, where what is taken is brought back as a rule: lent, not sold."""
    counts = column.cells.str.strip().value_counts()
    back = sum(counts.get(value, 0) for value, kind in known.items() if kind == RETURN)
    taken = sum(counts.get(value, 0) for value, kind in known.items() if kind not in (RETURN, None))
    lent = back > _LENT * taken
    return {value: None if lent and kind == RETURN else kind for value, kind in known.items()}


def exposures(rows: pd.DataFrame, found: Kinds) -> pd.DataFrame:
    """Return who was reached by which offer when, and when it was first used after that and before the next time.

    `rows`: member_id, offer_id, kind, at (times). Columns: exposure_id, member_id, offer_id, at, redeemed_at.
    """
    key = ["member_id", "offer_id"]
    sent = rows[rows["kind"].isin(found.reached)].sort_values("at", kind="stable")
    used = rows[rows["kind"].isin(found.redeemed)].sort_values("at", kind="stable")
    following = sent.groupby(key)["at"].shift(-1).rename("next")
    sent = sent.assign(next=following)
    taken = (
        pd.merge_asof(
            sent,
            used[[*key, "at"]].rename(columns={"at": "redeemed_at"}),
            left_on="at",
            right_on="redeemed_at",
            by=key,
            direction="forward",
        )
        if len(used)
        else sent.assign(redeemed_at=pd.NaT)
    )
    late = taken["redeemed_at"] >= taken["next"]
    taken["redeemed_at"] = taken["redeemed_at"].mask(late.fillna(False))
    taken["exposure_id"] = [str(number) for number in range(1, len(taken) + 1)]
    return taken[["exposure_id", *key, "at", "redeemed_at"]].reset_index(drop=True)


def _state(value: str) -> str | None:
    name = words.plain(value)
    if any(word in name for word in ("return", "refund", "retour", "erstatt", "退")):
        return RETURN
    return None if any(word in name for word in _VOID) else HAPPENED


def _has(value: str, names: tuple[str, ...]) -> bool:
    return bool(set(words.plain(value).split()) & set(names))


def _of_campaign(value: str) -> bool:
    return _has(value, ("offer", "coupon", "campaign")) or _has(value, words.REACHED)
