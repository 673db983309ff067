"""How behaviour becomes features."""

from membership.settings.section import Section, Share


class Features(Section):
    """How behaviour becomes features."""

    min_category_share: Share
