"""What events mean in this field, what a purchase is worth, and when it counts as a repurchase."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from membership.base.schemas import CANCEL, CART, CONTACT, FAVOURITE, KINDS, PURCHASE, RATING, RENEWAL, RETURN, VIEW
from membership.settings.section import Days, Level, Section, Share

Kinds = list[Literal[KINDS]]
Value = Annotated[float, Field(ge=-(10**9), le=10**9)]


def _comes_back(kinds: Kinds) -> Kinds:
    if never := [kind for kind in kinds if kind in (RETURN, CANCEL)]:
        raise ValueError(f"{never[0]} is never coming back; allowed: {', '.join(sorted({*KINDS} - {RETURN, CANCEL}))}")
    return kinds


class Economics(Section):
    """What events mean to the programme, and what they are worth; kinds are those of table `events`.

    `event_value`: units of currency that an event without an amount is worth, by kind; negative is what it costs. Such
    kinds pay, whether `pays` has them or not.
    """

    comes_back: Annotated[Kinds, Field(min_length=1), AfterValidator(_comes_back)] = [PURCHASE, RENEWAL]
    pays: Kinds = [PURCHASE, RETURN, RENEWAL]  # amounts add to net spend
    interest: Kinds = [VIEW, CART, FAVOURITE, RATING]  # looked around; what comes back is more than interest
    effort: Kinds = [CONTACT]  # needed help
    event_value: dict[Literal[KINDS], Value] = {}
    activity_kinds: Kinds = []  # what shows, beside coming back, that a member is active
    margin_rate: Level = 0.25  # margin over spend
    repurchase_days: Days = 14  # days within which coming back counts as repurchase, at most the holdout
    discount_rate: Share = 0.1  # a year; what a sale later is worth today


def beside(sections):
    """Yield what does not fit the windows."""
    windows, days = sections.get("windows"), sections["economics"].repurchase_days
    if windows and days > windows.holdout.days:
        yield (
            f"economics.repurchase_days = {days}: longer than the holdout {windows.holdout} of {windows.holdout.days} "
            "days; allowed: at most that"
        )
