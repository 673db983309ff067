"""What the joint rule ships: 200 markets where nothing is better, 200 whose effect it should find with power .9.

Outcomes of 2,000 members go through the pipeline's own functions (`experiment.run`, `guardrails.fairness`,
`decide.decide`) with the rule of `params.yaml`: the primary metric, every guardrail at its margin, and the experiment's
own A/A check, of 100 splits instead of 500 and the band that belongs to them. The pipeline's coverage check and
sample-ratio gate are left out: the one would take an hour, the other is fixed by the hash.

A member has geometric (1 and up, mean 8) items, half of them bought before; margin is gamma with mean 50 cents. Of the
items on a list three in ten have a discount, gamma with mean 60. A list holds a repeat item with a probability of the
member's own, .8 of a Beta(1.2, 2.8) and up to .1 more in some groups of age and income, and a new one with .001; both
policies treat four items in five alike. The challenger's lift is added to the probability of seven in ten of the repeat
items, chosen by chance, and changes no discount. Lists of ten, of which two are the policy's own, come from Zipf's law
over 20,000 items, apart from what is hit.

The lift is solved for: means and covariances of the differences of 100,000 members, scaled to 2,000, say with which
probability the intervals of all member metrics pass at once (multivariate normal), times the same for coverage and
fairness of one more market (normal, apart from the others), times that of the A/A check (binomial).
"""

import numpy as np
import pandas as pd
import scipy.optimize
import scipy.stats

from benchmarks import goals
from membership.base import progress, seeds
from membership.evaluate import decide, experiment, guardrails, metrics, verdicts
from membership.settings import params
from membership.settings.params import Stage

MARKETS, MEMBERS, MANY = 200, 2000, 100_000
POWER = 0.9
SHIPPED_NULL, SHIPPED_EFFECT = 11, 160  # of 200
ITEMS, LISTED, OWN = 20_000, 10, 2
AGREE = 0.8
TIERS, SHARES = ("Member", "Silver", "Gold", "Platinum"), (0.5, 0.25, 0.15, 0.1)
GROUPS = {"age": ("young", "middle", "old", "unknown"), "income": ("low", "middle", "high")}
COUNTED = ["recall_at_10", "explore_recall_at_10", "hit_at_10", "discount_per_item_at_10", "margin_at_10"]
LIVE, NEW = {"policy": "gp_topfreq", "settings": {}}, {"policy": "model", "settings": {}}
SMALL = {"bootstrap": 100, "aa_repeats": 100}  # bootstrap intervals decide nothing; the band is that of 100 splits


def run(seed: int, markets: int = MARKETS, members: int = MEMBERS) -> dict:
    """Count what is shipped of `markets` without and of as many with the effect that power .9 asks."""
    p = params.parse(params.read())
    p = p.model_copy(update={"evaluate": p.evaluate.model_copy(update=SMALL)})
    lift = solve(p, members, seed)
    null, lifted = (_decide_all(p, members, each, markets, seed) for each in (0.0, lift))
    most, least = (round(count * markets / MARKETS) for count in (SHIPPED_NULL, SHIPPED_EFFECT))
    asked = [
        goals.at_most(f"shipped of {markets} markets without effect", null["shipped"], most),
        goals.at_least(f"shipped of {markets} markets with the effect", lifted["shipped"], least),
        goals.told("lift of a repeat item without discount", lift),
        goals.told("of that, difference in recall", lifted["difference"]),
    ]
    return {"goals": asked, "members": members, "lift": lift, "power": POWER, "null": null, "effect": lifted}


def solve(p: Stage, members: int, seed: int) -> float:
    """Return the lift that the whole rule finds with probability POWER among `members`."""
    rest = _others(p, members, seed)
    found = scipy.optimize.brentq(lambda lift: joint(p, lift, members, seed) * rest - POWER, 0.005, 0.1, xtol=1e-4)
    return float(found)


def joint(p: Stage, lift: float, members: int, seed: int) -> float:
    """Return the probability that primary metric and member guardrails pass together."""
    arms = experiment.arms(outcomes(people(MANY, seeds.rng(seed, "power/who")), lift, seeds.rng(seed, "power/what")))
    change = arms[1][COUNTED] - arms[0][COUNTED]
    error = change.std().to_numpy() / np.sqrt(members)
    margins = {guard.metric: guard.margin for guard in p.decide.guardrails}
    margins[p.evaluate.primary_metric] = -p.decide.margin
    signs = np.array([1 if metrics.of(name).higher_is_better else -1 for name in COUNTED])
    allowed = np.array([margins.get(name, np.inf) for name in COUNTED])
    centre = (signs * change.mean().to_numpy() + allowed) / error
    drawn = seeds.rng(seed, "power/normal").multivariate_normal(np.zeros(len(COUNTED)), change.corr(), MANY)
    return float((signs * drawn + centre > _quantile(p)).all(axis=1).mean())


def people(members: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return member_id, tier, tier_rank, the groups, and taste, one row a member."""
    rank = rng.choice(len(TIERS), members, p=SHARES)
    groups = {name: rng.integers(len(values), size=members) for name, values in GROUPS.items()}
    taste = 0.8 * rng.beta(1.2, 2.8, members) + sum(0.02 * code for code in groups.values())
    ids = np.char.add("m", np.char.zfill(np.arange(members).astype("U6"), 6))
    named = {name: np.array(GROUPS[name])[codes] for name, codes in groups.items()}
    return pd.DataFrame({"member_id": ids, "tier": np.array(TIERS)[rank], "tier_rank": rank, **named, "taste": taste})


def outcomes(who: pd.DataFrame, lift: float, rng: np.random.Generator) -> pd.DataFrame:
    """Return table `outcomes` of both policies: policy, member_id, tier and COUNTED."""
    members = len(who)
    items = rng.geometric(1 / 8, members)
    whose = np.repeat(np.arange(members), items)
    repeat, lifted = rng.random(len(whose)) < 0.5, rng.random(len(whose)) < 0.7
    margin = rng.gamma(2, 25, len(whose))
    chance = np.where(repeat, who["taste"].to_numpy()[whose], 0.001)
    first, anew = rng.random(len(whose)) < chance, rng.random(len(whose))
    better = anew < chance + lift / (1 - AGREE) * (repeat & lifted)
    second = np.where(rng.random(len(whose)) < AGREE, first, better)
    new = np.bincount(whose, ~repeat, members)
    size = members, LISTED + OWN
    discount = np.where(rng.random(size) < 0.3, rng.gamma(2, 30, size), 0.0)
    lists = discount[:, :LISTED], discount[:, OWN:]
    arms = []
    for policy, hit, listed in zip((experiment.CHAMPION, experiment.CHALLENGER), (first, second), lists, strict=True):
        hits, explored = np.bincount(whose, hit, members), np.bincount(whose, hit & ~repeat, members)
        found = {
            "recall_at_10": hits / items,
            "explore_recall_at_10": np.divide(explored, new, np.full(members, np.nan), where=new > 0),
            "hit_at_10": (hits > 0).astype(float),
            "discount_per_item_at_10": listed.mean(axis=1),
            "margin_at_10": np.bincount(whose, margin * hit, members),
        }
        arms.append(who[["member_id", "tier"]].assign(policy=policy, **found))
    return pd.concat(arms, ignore_index=True)


def recommendations(who: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Return policy, member_id and item_id of both policies' lists."""
    law = np.cumsum(1 / np.arange(1, ITEMS + 1))
    size = len(who), LISTED + OWN
    shown = np.searchsorted(law / law[-1], rng.random(size)).astype("int32")
    lists = {experiment.CHAMPION: shown[:, :LISTED], experiment.CHALLENGER: shown[:, OWN:]}
    ids = who["member_id"].to_numpy().repeat(LISTED)
    parts = [pd.DataFrame({"policy": name, "member_id": ids, "item_id": each.ravel()}) for name, each in lists.items()]
    return pd.concat(parts, ignore_index=True)


def decided(p: Stage, members: int, lift: float, seed: int) -> tuple[decide.Decision, pd.DataFrame]:
    """Return what the rule decides on one market, as stages evaluate and decide do it, and the rows it rests on."""
    who = people(members, seeds.rng(seed, "who"))
    drawn, lists = outcomes(who, lift, seeds.rng(seed, "what")), recommendations(who, seeds.rng(seed, "lists"))
    catalogue = pd.DataFrame({"item_id": np.arange(ITEMS)})
    found = experiment.run(drawn, lists, catalogue, p.evaluate, seed)
    groups, smallest = who[["member_id", *GROUPS]], p.benefits.fairness.min_group
    guards = guardrails.fairness(*experiment.arms(drawn), found.primary, groups, smallest, found.confidence)
    rows = decide.of_all_members(found.effects.assign(by=experiment.ALL), guards)
    honest = verdicts.check("A/A check", verdicts.Kind.AA, found.aa.passed)
    return decide.decide(rows, p.evaluate, p.decide, LIVE, NEW, [honest]), rows


def _decide_all(p: Stage, members: int, lift: float, markets: int, seed: int) -> dict:
    shipped, failed, differences = 0, {}, []
    for market in progress.bar(range(markets), f"markets, lift {lift:.3f}"):
        own = int(seeds.rng(seed, f"experiments/market {lift > 0} {market}").integers(2**31))
        decision, rows = decided(p, members, lift, own)
        shipped += decision.verdict == "promote"
        differences.append(rows.loc[p.evaluate.primary_metric, "difference"])
        for check in decision.checks:
            failed[check.name] = failed.get(check.name, 0) + (check.result == "failed")
    return {"shipped": shipped, "markets": markets, "failed": failed, "difference": float(np.mean(differences))}


def _others(p: Stage, members: int, seed: int) -> float:
    """Return the probability that coverage, fairness and the A/A check pass where nothing is different."""
    _, rows = decided(p, members, 0.0, int(seeds.rng(seed, "experiments/pilot").integers(2**31)))
    found = 1.0
    for guard in p.decide.guardrails:
        if guard.metric not in COUNTED:
            row = rows.loc[guard.metric]
            error = (row["high"] - row["low"]) / 2 / _quantile(p)
            found *= scipy.stats.norm.cdf(guard.margin / error - _quantile(p)) if error else 1.0
    repeats, alpha = p.evaluate.aa_repeats, 1 - p.evaluate.confidence
    low, high = scipy.stats.binom.interval(p.evaluate.aa_band, repeats, alpha)
    return float(found * (scipy.stats.binom.cdf(high, repeats, alpha) - scipy.stats.binom.cdf(low - 1, repeats, alpha)))


def _quantile(p: Stage) -> float:
    return float(scipy.stats.norm.ppf((1 + p.evaluate.confidence) / 2))
