"""How behaviour becomes features."""

from membership.settings.section import Section, Share


class Features(Section):
    """How behaviour becomes features."""

    min_category_share: Share = 0.0  # share of a member's spend; smaller categories are left out of category_shares
