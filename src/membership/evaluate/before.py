"""What was known of members before the test: the window before as_of, judged with a policy that is neither arm.

    ... history ... | window before | as_of          holdout
    ------------------)[-------------)[----------------------)
     reference fitted    covariate      outcome of the test

A covariate that neither arm can have changed removes variance from the comparison and does not change its meaning.
"""

from datetime import date

import ibis.expr.types as ir
import pandas as pd

from membership.base.errors import DataError
from membership.base.timeline import Window
from membership.evaluate import hits
from membership.recommend import baskets, metrics, policies
from membership.settings.recommend import Recommend

HABITS = ["orders_90d", "spend_90d", "days_since_last", "age_days", "basket_items", "discount_share", "weekend_share"]
REFERENCE = "gp_topfreq"  # own most frequent items: needs no training, and is the same whoever the arms are


def outcomes(events: ir.Table, window: Window, recommend: Recommend) -> pd.DataFrame:
    """Return how the reference policy fared in `window`, the last one before as_of: one row a member.

    Columns: member_id, the metrics of table `outcomes` and the counts of `hits.of`, all of the next basket in
    `window`. Without anybody to judge there the frame is empty: a test then does without covariates.
    """
    try:
        known = baskets.history(events, window.start, recommend)
    except DataError:
        return pd.DataFrame({"member_id": pd.Series(dtype=str)})
    reference = policies.peer(REFERENCE, recommend.peers.get(REFERENCE, {}), known)
    targets = baskets.targets(events, window, known)
    ids, _ = reference.recommend(targets.members, recommend.k)
    bought = hits.bought(events, targets, known, window)
    judged = metrics.per_member(ids, targets, known, recommend.k)
    return judged.merge(hits.of(ids, targets.members, bought), on="member_id", validate="one_to_one")


def known(features: pd.DataFrame, outcomes: pd.DataFrame, metric: str, as_of: date) -> pd.DataFrame:
    """Return the numbers on which arms should be alike before the test: member_id and one column each.

    Of table `features` at `as_of` how much, how often and how recently a member bought; of `outcomes` (of this module)
    the metric of the test, where there is one.
    """
    now = features.loc[features["as_of"] == pd.Timestamp(as_of), ["member_id", *HABITS]]
    if metric not in outcomes:
        return now
    return now.merge(outcomes[["member_id", metric]], on="member_id", how="left")
