"""Where the money goes before and after, and a million members in a fresh process.

`python -m benchmarks.allocation --out JSON` allocates the budget of the stored data twice, by a flat uplift of spend
(most expected spend first) and by the response with a ceiling, and judges both by the latter; counts how often the item
that an offer is put on was bought anyway; and allocates 1,000,000 members x 6 benefits with effects, exploration and
limits. `python -m benchmarks.allocation MEMBERS SEED` is one measurement of that and prints a JSON object.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import flat_response, fresh, goals, programme_speed
from membership.base import engine, files, tables
from membership.benefits import allocation, explore, facts, offered_item, overview, payoff
from membership.campaigns import reaction
from membership.data import purchases
from membership.evaluate import guardrails
from membership.settings import params
from membership.tiers import worth

JUDGED, SECONDS, MIB = 1_000_000, 60.0, 4096.0
DEFAULT = 2469  # members of the default data, for whom the budget of params.yaml is
BOUGHT_DAYS = 30  # within which an offered item counts as bought anyway


def one(members: int, seed: int) -> dict:
    """Return seconds, peak memory and what came out of one allocation that explores."""
    p = params.parse(params.read())
    drawn = programme_speed.draw(members, seed).facts
    clock = fresh.Clock()
    rng = np.random.default_rng(seed)
    rank = rng.choice(4, members, p=[0.6, 0.25, 0.1, 0.05])
    known = drawn.assign(tier_rank=rank, tier=np.array(p.tiers.names)[rank], chance=rng.beta(2, 1, members))
    known["days_since_last"] = rng.exponential(20, members)
    catalogue = [one.model_copy(update={"places": members // 20}) for one in p.benefits.catalogue[:1]]
    scaled = {
        "budget": 0.3 * p.benefits.budget * members / DEFAULT,
        "catalogue": [*catalogue, *p.benefits.catalogue[1:]],
    }
    settings = p.benefits.model_copy(update=scaled)
    prior = reaction.prior(settings.catalogue, known.iloc[:20_000], p.campaigns.reaction)
    terms = worth.Terms(p.tiers, p.economics.margin_rate, p.value.horizon_days, 1 - p.tiers.redeem_share)
    setting = payoff.Setting(known, settings, p.economics.margin_rate, prior, terms.points_share)
    made = clock.take("allocation", lambda: explore.allocate(setting, seed, "one"))
    found = made.allocation
    came_out = {
        "benefits": int(found.given.sum()),
        "cost_over_budget": found.cost / settings.budget,
        "places_over": float(found.given[:, 0].sum() / (members // 20)),
        "explored": int(made.exploring.sum()),
        "held_out": int(made.held_out.sum()),
        "gap": found.gap,
        "gave_way": len(found.gave_way),
    }
    return {"members": members, **clock.sums(), "found": came_out}


def default_data() -> dict:
    """Return the stored data's budget by the flat uplift and by the response with a ceiling, judged by the latter."""
    p = params.parse(params.read())
    names = [tables.read(name) for name in ("tiers", "value", "profile", "survey")]
    known = facts.facts(*names, p.benefits.fairness.attributes, tables.read("features"), p.benefits.consent)
    terms = worth.known_terms(p.tiers, p.economics.margin_rate, p.value.horizon_days)
    settings = p.benefits.settled(p.economics.margin_rate * known["expected_spend"].sum(), worth.usual_order(known))
    settings = settings.model_copy(update={"explore_share": 0.0})
    told = reaction.prior(settings.catalogue, known, p.campaigns.reaction)
    setting = payoff.Setting(known, settings, p.economics.margin_rate, told, terms.points_share)
    options, uplift = setting.options(), np.array([one.uplift for one in settings.catalogue])
    flat = flat_response.options(known, settings, p.economics.margin_rate, uplift, terms.points_share)
    before = allocation.allocate(flat, known, settings)
    after = allocation.allocate(options, known, settings)
    judged = {"before": _judged(options, before.choice), "after": _judged(options, after.choice)}
    rows = {}
    for name, choice in (("before", before.choice), ("after", after.choice)):
        seen = allocation.Allocation(options, choice, 0.0, 0.0)
        for by, groups in (("chance", overview.chance_bands(known).astype(str)), ("stage", known["stage"])):
            table = overview.where(seen, groups, p.value.confidence).reset_index()
            rows[f"{name}_by_{by}"] = table.to_dict("records")
    return {"judged": judged, **rows, "offered": offered(p, known["member_id"])}


def offered(p, members: pd.Series) -> dict:
    """Return how often the item of an offer was bought within a month anyway, by most probable and by margin moved."""
    events = engine.load(engine.connect(), "events")
    cutoff = p.windows.validation_end
    lists = tables.read("recommendations")
    lists = lists[lists["member_id"].isin(members) & lists["chance"].notna()]
    prices = guardrails.prices(events, cutoff)
    by_margin = offered_item.best(lists, prices, p.economics.margin_rate, p.benefits.item_shift)
    probable = lists.sort_values(["chance", "rank"], ascending=[False, True]).drop_duplicates("member_id")
    lines = purchases.basket_lines(events).select("member_id", "item_id", "at").to_pandas()
    day = pd.to_datetime(lines["at"], utc=True).dt.tz_convert(p.dataset.timezone).dt.tz_localize(None)
    start = pd.Timestamp(cutoff)
    after = lines[(day >= start) & (day < start + pd.Timedelta(days=BOUGHT_DAYS))]
    bought = set(zip(after["member_id"], after["item_id"], strict=True))
    found = {}
    for name, chosen in (("most probable", probable), ("most margin moved", by_margin)):
        pairs = zip(chosen["member_id"], chosen["item_id"], strict=True)
        found[name] = {
            "members": len(chosen),
            "bought_anyway": float(np.mean([pair in bought for pair in pairs])),
            "chance": float(chosen["chance"].mean()),
        }
    return found


def _judged(options, choice: np.ndarray) -> dict[str, float]:
    seen = allocation.Allocation(options, choice, 0.0, 0.0)
    ahead = payoff.outlook(options, choice, 0.95)
    told = {"cost": seen.cost, "net": seen.net, "low": ahead.low, "high": ahead.high, "orders": seen.orders}
    return told | {"deadweight_share": seen.deadweight / seen.cost if seen.cost else 0.0}


def main(out: Path, members: list[int], seed: int) -> None:
    """Write all parts to `out`, and print the goals."""
    rows = [fresh.measure("benchmarks.allocation", count, seed) for count in members]
    judged = [row for row in rows if row["members"] == JUDGED]
    told = [
        goal
        for row in judged
        for goal in (
            goals.at_most("allocation of 1,000,000 members x 6 benefits, wall s", row["wall_s"], SECONDS),
            goals.at_most("the same, peak MiB", row["peak_mib"], MIB),
        )
    ]
    found = {"default": default_data(), "rows": rows, "goals": told}
    files.write_json(out, found)
    sys.stdout.write(
        json.dumps(found["goals"] + [found["default"]["judged"], found["default"]["offered"]], indent=1) + "\n"
    )


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1].isdigit():
        sys.stdout.write(json.dumps(one(int(sys.argv[1]), int(sys.argv[2]))) + "\n")
    else:
        parser = argparse.ArgumentParser()
        parser.add_argument("--out", type=Path, required=True)
        parser.add_argument("--members", type=int, nargs="*", default=[10_000, 100_000, JUDGED])
        parser.add_argument("--seed", type=int, default=1)
        asked = parser.parse_args()
        main(asked.out, asked.members, asked.seed)
