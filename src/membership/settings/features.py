"""What behaviour is turned into."""

from membership.settings.section import Section, Share


class Features(Section):
    """What behaviour is turned into."""

    min_category_share: Share = 0.0  # share of a member's spend; smaller categories are left out of category_shares
