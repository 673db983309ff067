"""What is recommended to whom, and what is changed in the settings of the peers."""

from typing import Annotated, Any

from pydantic import Field

from membership.settings.section import Count, NotNegative, Section


class Recommend(Section):
    """What is recommended to whom. `peers` is name -> settings over the peer's defaults, which the peer checks."""

    k: Annotated[int, Field(ge=1, le=100)] = 10  # items recommended to a member
    min_item_purchases: Count | None = None  # null: as many as fit the number of members (`baskets.least_purchases`)
    min_baskets: Count = 3  # before the cut-off below which a member is not learned from
    max_baskets: Count = 50  # last baskets of a member that are looked at
    explore: NotNegative = 0.0  # log-odds added to items new to the member when the model ranks
    peers: dict[str, dict[str, Any]] = {}
