"""What behaviour is turned into."""

from membership.settings.section import Section, Share


class Features(Section):
    """What behaviour is turned into."""

    min_category_share: Share
