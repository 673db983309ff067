"""The table that a campaign tool loads: for each member what they are worth, need and get, and what to do next."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from membership.base import files
from membership.base.errors import DataError
from membership.base.member_schemas import STAGES
from membership.settings.benefits import Benefit
from membership.settings.lifecycle import Strategy

_VALUE = ["value", "value_low", "value_high", "value_group", "residual_value", "p_alive", "p_repurchase", "rfm_segment"]
_PROFILE = ["stage", "persona", "main_need"]
_TIER = ["tier", "next_tier", "spend_to_next", "points"]


def assemble(
    value: pd.DataFrame,
    profile: pd.DataFrame,
    tiers: pd.DataFrame,
    allocations: pd.DataFrame,
    recommendations: pd.DataFrame,
    items: pd.DataFrame,
    strategy: Strategy,
    catalogue: Iterable[Benefit] = (),
) -> pd.DataFrame:
    """Return one row a member, sorted by id, from the tables of the same names; `recommendations` is of one policy.

    `strategy` says in words what each lifecycle stage calls for. Benefits that the `catalogue` calls personalised
    offers are on recommended items, so they come with the name of the first, as in "personal_offers: Bread".

    Columns: member_id; value, value_low, value_high (whole cents of margin over the horizon), value_group,
    residual_value (whole cents of margin to come), p_alive, p_repurchase, rfm_segment; stage, persona, main_need;
    tier, next_tier ("" in the top one), spend_to_next (cents), points; benefits (joined by "; ", "" for none);
    next_action (words); items (all names joined by "; "); and item_1, item_1_id, item_1_reason (why it is
    recommended, in words), item_2, ... ("" where a member has fewer).

    Raises DataError where a member of `value` is missing in `profile` or `tiers`, or the other way round.
    """
    frame = value[["member_id", *_VALUE]]
    for name, table, columns in (("profile", profile, _PROFILE), ("tiers", tiers, _TIER)):
        _same_members(frame, table, name)
        frame = frame.merge(table[["member_id", *columns]], on="member_id", validate="one_to_one")
    listed = _items(recommendations, items)
    benefits = _benefits(allocations, listed, catalogue)
    frame = frame.join(benefits, on="member_id").join(listed, on="member_id")
    frame.insert(frame.columns.get_loc("benefits") + 1, "next_action", frame["stage"].map(strategy.column("action")))
    money = dict.fromkeys(("value", "value_low", "value_high", "residual_value"), 0)
    frame = frame.round(money | {"p_alive": 4, "p_repurchase": 4})
    texts = frame.columns[frame.columns.get_loc("next_tier") :].difference(["spend_to_next", "points"])
    return frame.fillna(dict.fromkeys(texts, "")).sort_values("member_id").reset_index(drop=True)


def by_stage(actions: pd.DataFrame, strategy: Strategy) -> pd.DataFrame:
    """Return what each lifecycle stage calls for beside its members, in the order of a membership.

    Columns, index stage: members, value (cents over the horizon, together), p_repurchase (mean; null where nobody is),
    goal, action, watch.
    """
    found = actions.groupby("stage").agg(
        members=("member_id", "size"), value=("value", "sum"), p_repurchase=("p_repurchase", "mean")
    )
    found = found.reindex(list(STAGES)).fillna({"members": 0, "value": 0.0}).astype({"members": "int64"})
    words = {name: pd.Series(strategy.column(name)) for name in ("goal", "action", "watch")}
    return found.assign(**words).rename_axis("stage")


def publish(stored: Path, folder: Path) -> None:
    """Write table `actions`, `stored` in that file, for people and tools: `folder`/actions.parquet and actions.csv."""
    with files.whole(folder / "actions.parquet") as temporary:
        temporary.write_bytes(stored.read_bytes())
    files.write_text(folder / "actions.csv", pd.read_parquet(stored).to_csv(index=False, lineterminator="\n"))


def _benefits(allocations: pd.DataFrame, listed: pd.DataFrame, catalogue: Iterable[Benefit]) -> pd.Series:
    on_items = [benefit.name for benefit in catalogue if benefit.kind == "personalised_offers"]
    given = allocations.sort_values("benefit")
    first = listed["item_1"].to_dict() if "item_1" in listed else {}
    item = given["member_id"].map(first).astype(object).where(given["benefit"].isin(on_items))
    words = given["benefit"].where(item.isna(), given["benefit"] + ": " + item.fillna(""))
    return words.groupby(given["member_id"]).agg("; ".join).rename("benefits")


def _items(recommendations: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    named = recommendations.merge(items[["item_id", "name"]], on="item_id", how="left").sort_values("rank")
    named["name"] = named["name"].fillna(named["item_id"])
    joined = named.groupby("member_id")["name"].agg("; ".join).to_frame("items")
    named = named.rename(columns={"name": "", "item_id": "_id", "reason": "_reason"})
    wide = named.pivot_table(["", "_id", "_reason"], index="member_id", columns="rank", aggfunc="first")
    wide = wide.sort_index(axis=1, level=["rank", 0])
    wide.columns = [f"item_{rank}{kind}" for kind, rank in wide.columns]
    return pd.concat([joined, wide], axis=1)


def _same_members(value: pd.DataFrame, table: pd.DataFrame, name: str) -> None:
    apart = sorted(set(value["member_id"]) ^ set(table["member_id"]))
    if apart:
        raise DataError(
            f"tables 'value' and '{name}': {len(apart)} members are in only one of them, e.g. {', '.join(apart[:5])}; "
            "run `dvc repro`, which makes both from the same members."
        )
