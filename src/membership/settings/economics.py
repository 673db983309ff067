"""What a purchase is worth to the programme, and when it counts as a repurchase."""

from membership.settings.section import Days, Level, Section, Share


class Economics(Section):
    """What a purchase is worth to the programme."""

    margin_rate: Level
    repurchase_days: Days
    discount_rate: Share


def beside(sections):
    """Yield what does not fit the windows."""
    windows, days = sections.get("windows"), sections["economics"].repurchase_days
    if windows and days > windows.holdout.days:
        yield (
            f"economics.repurchase_days = {days}: longer than the holdout {windows.holdout} of {windows.holdout.days} "
            "days; allowed: at most that"
        )
