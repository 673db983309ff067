"""What is recommended to whom, and the settings of the peers."""

from typing import Annotated, Literal

from pydantic import Field

from membership.settings.section import Count, NotNegative, Positive, Section, Share


class TopFreq(Section):
    """Own counts; `ties` says which of two equal counts comes first."""

    ties: Literal["popularity", "first_bought"]


class Upcf(Section):
    """UP-CF@r."""

    recency: Count
    alpha: Share
    locality: NotNegative
    neighbours: Count
    shrink: NotNegative


class Tifuknn(Section):
    """TIFUKNN."""

    neighbours: Count
    within_decay: Share
    group_decay: Share
    alpha: Share
    groups: Count


class ItemKnn(Section):
    """Item-kNN: the items near to what a member bought."""

    neighbours: Count
    asymmetry: Share
    shrink: NotNegative
    decay: Share
    own: NotNegative


class Ease(Section):
    """EASE, among the `most_bought` items."""

    most_bought: Annotated[int, Field(ge=1, le=20000)]
    penalty: Positive
    decay: Share
    own: NotNegative


class Als(Section):
    """Alternating least squares on implicit feedback."""

    factors: Annotated[int, Field(ge=1, le=1024)]
    iterations: Count
    confidence: NotNegative
    penalty: Positive
    decay: Share
    own: NotNegative


class Content(Section):
    """What an item is, for new items."""

    decay: Share
    popularity: Share
    own: NotNegative


class Peers(Section):
    """The baselines that the model is compared with, and their settings."""

    g_topfreq: Section
    p_topfreq: TopFreq
    gp_topfreq: TopFreq
    upcf: Upcf
    tifuknn: Tifuknn
    item_knn: ItemKnn
    ease: Ease
    als: Als
    content: Content


class Recommend(Section):
    """What is recommended to whom, and the settings of the peers."""

    k: Annotated[int, Field(ge=1, le=100)]
    min_item_purchases: Count
    min_baskets: Count
    max_baskets: Count
    explore: NotNegative
    peers: Peers
