"""The chance that a listed item is bought soon: that of an order times that of the item in it."""

from collections.abc import Mapping

import pandas as pd

from membership.recommend import names

PROBABLE = (names.MODEL, names.HEADS)  # policies whose scores are P(item in the next basket)


def within(listed: pd.DataFrame, chances: pd.Series, policies: Mapping[str, str]) -> pd.DataFrame:
    """Return table `recommendations` with `chance`: P(bought within the repurchase days) = P(order) x P(item | order).

    `chances`: P(order) by member_id; `policies`: what `policy` calls an arm -> the policy in it. Null where scores are
    no probabilities, and where nothing is known of the member.
    """
    probable = listed["policy"].map(policies).isin(PROBABLE)
    return listed.assign(chance=(listed["score"] * listed["member_id"].map(chances)).where(probable))
