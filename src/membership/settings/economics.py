"""What a purchase is worth, when it counts as a repurchase, and which events show that a member is active."""

from typing import Annotated, Literal

from pydantic import AfterValidator

from membership.base.schemas import KINDS, PURCHASE
from membership.settings.section import Days, Level, Section, Share


def _with_purchase(kinds: list[str]) -> list[str]:
    if PURCHASE not in kinds:
        raise ValueError("purchase is missing; a purchase always shows that a member is active: add it to the list")
    return kinds


class Economics(Section):
    """What a purchase is worth to the programme."""

    margin_rate: Level
    repurchase_days: Days
    discount_rate: Share
    activity_kinds: Annotated[list[Literal[KINDS]], AfterValidator(_with_purchase)] = [PURCHASE]


def beside(sections):
    """Yield what does not fit the windows."""
    windows, days = sections.get("windows"), sections["economics"].repurchase_days
    if windows and days > windows.holdout.days:
        yield (
            f"economics.repurchase_days = {days}: longer than the holdout {windows.holdout} of {windows.holdout.days} "
            "days; allowed: at most that"
        )
