"""What the programme knows of each member: tier, persona, stage, forecasts, consent, and groups for fairness."""

from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from membership.base.errors import ParamError
from membership.benefits.payoff import REFUSED

UNKNOWN = "unknown"  # who did not answer is shown as this group, and never guessed


def facts(
    standing: pd.DataFrame,
    value: pd.DataFrame,
    profile: pd.DataFrame,
    survey: pd.DataFrame,
    attributes: list[str],
    features: pd.DataFrame | None = None,
    consent: Mapping[str, Sequence[str]] | None = None,
    refused: Collection[str] = (),
) -> pd.DataFrame:
    """Return one row a member of `standing`, sorted by id, from the tables of the same names (`standing`: `tiers`).

    Columns member_id, tier, tier_rank, persona, stage, expected_spend (cents over the horizon), expected_orders, value
    (cents), chance (of an order within economics.repurchase_days), with `features` days_since_last (as of the latest
    day), refused (bool: among the ids `refused`, or gave one of the answers of `consent`, question -> answers), and one
    text column for each of `attributes`: the answer to the survey question of that name, "unknown" where there is none.
    Raises ParamError where a question has several answers of one member.
    """
    table = standing[["member_id", "tier", "tier_rank"]]
    worth = value[["member_id", "expected_spend", "expected_orders", "value", "p_repurchase"]]
    table = table.merge(worth.rename(columns={"p_repurchase": "chance"}), on="member_id")
    table = table.merge(profile[["member_id", "persona", "stage"]], on="member_id").sort_values("member_id")
    if features is not None:
        latest = features[features["as_of"] == features["as_of"].max()].set_index("member_id")["days_since_last"]
        table["days_since_last"] = latest.reindex(table["member_id"]).to_numpy(dtype=float)
    table[REFUSED] = table["member_id"].isin(refused)
    for question, no in (consent or {}).items():
        those = survey.loc[(survey["question"] == question) & survey["answer"].isin(no), "member_id"]
        table[REFUSED] |= table["member_id"].isin(those)
    for attribute in attributes:
        answers = survey.loc[survey["question"] == attribute].set_index("member_id")["answer"]
        if answers.index.has_duplicates:
            raise ParamError(
                f"params.yaml: benefits.fairness.attributes: {attribute!r} has several answers of one member, e.g. "
                f"{answers.index[answers.index.duplicated()][0]}; allowed: questions with a single choice."
            )
        table[attribute] = answers.astype("str").reindex(table["member_id"], fill_value=UNKNOWN).to_numpy()
    return table.reset_index(drop=True)
