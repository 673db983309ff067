"""The table that a campaign tool loads: for each member what they are worth, need and get, and what to do next."""

from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import pandas as pd

from membership.base import batches, files, spreadsheet
from membership.base.errors import DataError
from membership.base.member_schemas import STAGES
from membership.data import pseudonyms
from membership.settings.benefits import Benefit
from membership.settings.lifecycle import Strategy

_VALUE = ["value", "value_low", "value_high", "value_group", "residual_value", "rfm_segment"]
_ORDER = ["p_repurchase", "p_horizon"]  # chances of an order, from table `value`
_PROFILE = ["stage", "persona", "main_need"]
_TIER = ["tier", "next_tier", "spend_to_next", "points"]


def steps(
    profile: pd.DataFrame,
    tiers: pd.DataFrame,
    allocations: pd.DataFrame,
    recommendations: pd.DataFrame,
    items: pd.DataFrame,
    strategy: Strategy,
    catalogue: Iterable[Benefit],
) -> pd.DataFrame:
    """Return what to do for each member of table `profile`: what the stage calls for, and each benefit allocated.

    One row a member and step, by member_id, the stage's first, then by benefit. Columns member_id; benefit ("" where
    the stage calls for the step); step (words: `action` of `strategy`, with the next tier that table `tiers` gives the
    member, or of the `catalogue`); item (name of what `allocations` puts the benefit on, or, where it is a personalised
    offer and none is named, of the first recommended one; else "").
    """
    on_items = [benefit.name for benefit in catalogue if benefit.kind == "personalised_offers"]
    words = {benefit.name: benefit.words for benefit in catalogue}
    called = profile[["member_id"]].assign(benefit="", step=_called(profile, tiers, strategy))
    given = allocations[allocations["member_id"].isin(profile["member_id"])]
    shown = given["benefit"].isin(on_items)
    theirs = recommendations[recommendations["member_id"].isin(given.loc[shown, "member_id"])]
    first = _named(theirs, items).drop_duplicates("member_id").set_index("member_id")["name"]
    item = given["member_id"].map(first).where(shown)
    if "item_id" in given:
        own = given["item_id"].map(items.set_index("item_id")["name"]).fillna(given["item_id"])
        item = own.where(given["item_id"].notna(), item)
    given = given[["member_id", "benefit"]].assign(item=item)
    given["step"] = given["benefit"].map(lambda name: words.get(name, name))
    found = pd.concat([called, given]).sort_values(["member_id", "benefit"], ignore_index=True)
    return found.astype({"item": object}).fillna({"item": ""})


def assemble(
    value: pd.DataFrame,
    profile: pd.DataFrame,
    tiers: pd.DataFrame,
    steps: pd.DataFrame,
    recommendations: pd.DataFrame,
    items: pd.DataFrame,
    arms: pd.DataFrame,
) -> pd.DataFrame:
    """Return one row a member, sorted by id, from the tables of the same names; `recommendations` is of one policy.

    `arms` (index member_id; arm, propensity) says which live tests each member is in; who is in none has "" and 1.
    `benefits` and `next_action` both come from `steps` (see there), so a row's action names the benefits that the
    member gets and no others.

    Columns: member_id; value, value_low, value_high (whole cents of margin over the horizon), value_group,
    residual_value (whole cents of margin to come), rfm_segment; p_repurchase, p_horizon; stage, persona, main_need;
    tier, next_tier ("" in the top one), spend_to_next (cents), points; benefits (joined by "; ", "" for none; one on an
    item names it, as in "personal_offers: Bread"); next_action (the words of all steps, joined by "; "); items (all
    names joined by "; "); arm and propensity; and item_1, item_1_id, item_1_reason (why it is recommended, in words),
    item_2, ... ("" where a member has fewer). Rows are made some members at a time.

    Raises DataError where a member of `value` is missing in `profile` or `tiers`, or the other way round.
    """
    for name, table in (("profile", profile), ("tiers", tiers)):
        _same_members(value, table, name)
    ids = value["member_id"].sort_values(ignore_index=True)
    starts = [ids[block.start] for block in batches.blocks(len(ids)) if block.start]
    parts = zip(*(_parted(table, starts) for table in (value, profile, tiers, steps, recommendations)), strict=True)
    frame = pd.concat([_rows(*part, items, arms) for part in parts])
    texts = frame.columns[frame.columns.get_loc("next_tier") :].difference(["spend_to_next", "points", "propensity"])
    return frame.fillna(dict.fromkeys(texts, "")).sort_values("member_id").reset_index(drop=True)


def _parted(table: pd.DataFrame, starts: list[str]) -> list[pd.DataFrame]:
    """Return the rows of `table` by member id in parts: below the first of `starts`, from it to the next, and so on."""
    if not table["member_id"].is_monotonic_increasing:
        table = table.sort_values("member_id", kind="stable")
    ends = table["member_id"].searchsorted(starts) if starts else []
    return [table.iloc[start:end] for start, end in pairwise([0, *ends, len(table)])]


def _rows(
    value: pd.DataFrame, profile: pd.DataFrame, tiers: pd.DataFrame, steps: pd.DataFrame, recommendations: pd.DataFrame,
    items: pd.DataFrame, arms: pd.DataFrame,
) -> pd.DataFrame:  # fmt: skip
    """Return the rows of `assemble` of the members of `value`, null where there is no text."""
    frame = value[["member_id", *_VALUE, *_ORDER]]
    for table, columns in ((profile, _PROFILE), (tiers, _TIER)):
        frame = frame.merge(table[["member_id", *columns]], on="member_id", validate="one_to_one")
    given = steps[steps["benefit"] != ""]
    frame = frame.join(_joined(given, "benefit").rename("benefits"), on="member_id")
    frame = frame.join(_joined(steps, "step").rename("next_action"), on="member_id")
    frame = frame.join(arms[["arm", "propensity"]], on="member_id").fillna({"propensity": 1.0})
    frame = frame.join(_items(recommendations, items), on="member_id")
    money = dict.fromkeys(("value", "value_low", "value_high", "residual_value"), 0)
    return frame.round(money | dict.fromkeys(_ORDER, 4))


def by_stage(actions: pd.DataFrame, strategy: Strategy) -> pd.DataFrame:
    """Return what each lifecycle stage calls for beside its members, in the order of a membership.

    Columns, index stage: members, value (cents over the horizon, together), p_repurchase (mean; null where nobody is),
    with_benefits (members who get one on top of the stage's action), goal, action, watch.
    """
    found = (
        actions.assign(given=actions["benefits"] != "")
        .groupby("stage")
        .agg(
            members=("member_id", "size"),
            value=("value", "sum"),
            p_repurchase=("p_repurchase", "mean"),
            with_benefits=("given", "sum"),
        )
    )
    found = found.reindex(list(STAGES)).fillna({"members": 0, "value": 0.0, "with_benefits": 0})
    found = found.astype({"members": "int64", "with_benefits": "int64"})
    words = {name: pd.Series(strategy.column(name)) for name in ("goal", "action", "watch")}
    return found.assign(**words).rename_axis("stage")


def publish(stored: Path, folder: Path, original_ids: bool = False) -> list[Path]:
    """Write table `actions`, `stored` in that file, for people and tools; return the files written.

    `folder`/actions.parquet and actions.csv name members by pseudonym; with `original_ids` actions_original_ids.parquet
    and .csv name them by id.
    """
    frame, name = pd.read_parquet(stored), "actions_original_ids" if original_ids else "actions"
    frame = frame if original_ids else pseudonyms.masked(frame)
    written = [folder / f"{name}{ending}" for ending in (".parquet", ".csv")]
    with files.whole(written[0]) as temporary:
        frame.to_parquet(temporary, index=False, compression="zstd")
    spreadsheet.write(written[1], frame)
    return written


def _called(profile: pd.DataFrame, tiers: pd.DataFrame, strategy: Strategy) -> list[str]:
    """Return what the stage of each member of `profile` calls for, with the member's next tier where it names that."""
    following = profile["member_id"].map(tiers.set_index("member_id")["next_tier"])
    pairs = zip(profile["stage"], following.astype(object).where(following.notna(), None), strict=True)
    return [getattr(strategy, stage).said(tier) for stage, tier in pairs]


def _joined(steps: pd.DataFrame, column: str) -> pd.Series:
    """Return the `column` of each member's steps, with the items that they are on, joined by "; "."""
    told = steps[column].where(steps["item"] == "", steps[column] + ": " + steps["item"])
    return told.groupby(steps["member_id"]).agg("; ".join)


def _named(recommendations: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    named = recommendations.merge(items[["item_id", "name"]], on="item_id", how="left").sort_values("rank")
    return named.assign(name=named["name"].fillna(named["item_id"]))


def _items(recommendations: pd.DataFrame, items: pd.DataFrame) -> pd.DataFrame:
    named = _named(recommendations, items)
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
