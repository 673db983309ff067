"""Intensity: a self-exciting process of a member's purchases of items and of kinds of items."""

from membership.recommend import intensity as process
from membership.recommend.baskets import Baskets
from membership.recommend.intensity import Kernels
from membership.recommend.peers.peer import Context, Fitted, Range, peer
from membership.recommend.ranking import ranked
from membership.recommend.reasons import CATEGORY
from membership.settings.section import Count, Positive, Section

APART = 4  # times that each half-life is as long as the one before
SPACE = {"shortest_visits": Range(0.3, 4.0, log=True), "kernels": Range(1, 4)}
DATED = {"shortest_days": Range(1.0, 60.0, log=True), "late_days": Range(7.0, 120.0, log=True)}


class Settings(Section):
    """Settings that were not searched."""

    shortest_days: Positive = 7.0  # half-life of what fades first, where dates are known
    shortest_visits: Positive = 1.0  # the same where they are not
    kernels: Count = 4  # half-lives, each APART times as long as the one before
    late_days: Positive = 28.0  # half-life of what counts as sold of late


@peer(Settings, reason=CATEGORY, space=SPACE, dated=DATED)
def intensity(known: Baskets, settings: Settings, context: Context) -> Fitted:
    """Rank items by how many of them the member is expected to buy on a visit now; see `recommend.intensity`."""
    shortest = settings.shortest_days if known.dated else settings.shortest_visits
    lives = tuple(shortest * APART**number for number in range(settings.kernels))
    fitted = process.fit(known, context.items, Kernels(lives, settings.late_days))
    return lambda asked: ranked(fitted.of(asked).score)
