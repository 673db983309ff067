"""The tier designer: what a choice of thresholds, budgets and benefits is expected to bring.

It uses the functions of stages `tiers` and `benefits`: the same replay, payoffs and allocation. What does not depend on
the choice is read once, so that a choice takes a fraction of a second.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np
import pandas as pd
import yaml

from membership.base import engine, files, paths, tables
from membership.base.errors import ParamError, ProjectError
from membership.benefits import allocation, facts, overview, payoff
from membership.benefits.allocation import Allocation
from membership.benefits.options import NOTHING
from membership.benefits.payoff import Setting
from membership.campaigns.reaction import Reaction
from membership.data import consent
from membership.profile import lifecycle
from membership.settings.benefits import Benefits
from membership.settings.params import Stage
from membership.stats import ranges
from membership.tiers import qualifying, rules, thresholds, worth
from membership.tiers.ladder import KNOBS
from membership.tiers.rules import Rule
from membership.tiers.worth import Appraisal, Terms

CONFIDENCE = 0.95
_NOTHING = dict.fromkeys(("cost", "net", "net_low", "net_high"), 0.0)
GAP = 1e-3  # share of the best by which the benefits of a choice may be below it: near enough for a slider


@dataclass(frozen=True)
class Choice:
    """What a person may choose. Money in cents over the horizon; thresholds in the qualifying currency."""

    thresholds: tuple[int, ...]  # one a level above the entry tier
    grace_share: float
    grace_months: int
    tier_budget: float  # what the tiers may cost: the search keeps to it, and an outcome says when a rule does not
    benefit_budget: float
    margin_rate: float
    uplift_times: Mapping[str, float]  # benefit -> factor of its uplift; a benefit that is left out is switched off


@dataclass(frozen=True)
class Outcome:
    """What a choice is expected to bring over the horizon, in cents, if members respond as assumed.

    `low` and `high` of the net, at 95 %, reflect uncertainty in the uplifts of tiers and benefits only, not in expected
    spend. A choice that is not possible has a `message` and no figures.
    """

    choice: Choice
    message: str = ""
    by_tier: pd.DataFrame | None = None  # index tier; members, rise and fall from the saved rule, and see `_by_tier`
    by_benefit: pd.DataFrame | None = None  # index benefit; members, cost, net with net_low and net_high
    spread: pd.Series | None = None  # by what is uncertain: cents that one standard deviation more would add to net
    net: float = np.nan
    low: float = np.nan
    high: float = np.nan
    tier_cost: float = np.nan
    benefit_cost: float = np.nan
    moves: float = np.nan  # levels risen or fallen, a member and year, in the replay
    shadow_price: float = np.nan  # cents of net that one more cent of the benefits' budget would bring

    @property
    def cost(self) -> float:
        """Cents that tiers and benefits cost together."""
        return self.tier_cost + self.benefit_cost

    @property
    def over_budget(self) -> bool:
        """Whether the tiers cost more than their budget; benefits never do."""
        return self.tier_cost > self.choice.tier_budget

    @property
    def moved(self) -> int:
        """Members who would be in another tier today than by the saved rule."""
        return int(self.by_tier[["rise", "fall"]].to_numpy().sum())

    def beyond(self, other: "Outcome") -> tuple[float, float, float]:
        """Return by how much the net is above that of `other`, with low and high: both rest on the same uplifts."""
        apart = self.spread.sub(other.spread, fill_value=0.0)
        low, high = ranges.normal(self.net - other.net, ranges.sd(apart), CONFIDENCE)
        return self.net - other.net, float(low), float(high)


@dataclass(frozen=True)
class Designer:
    """What is known of the members, and the knobs that a choice starts from."""

    amounts: pd.DataFrame  # what qualifies, by member and month
    settled: int  # the month from which moves are counted
    facts: pd.DataFrame  # see `facts.facts`, with the tiers of the saved policy
    reaction: Reaction  # what is believed of how members react to benefits
    terms: Terms  # with the saved settings of tiers
    benefits: Benefits

    @cached_property
    def saved(self) -> Choice:
        """The policy of `params.yaml`: its thresholds where it lists them, else those that the search finds."""
        settings, catalogue = self.terms.settings, self.benefits.catalogue
        return Choice(
            thresholds=thresholds.search(self.amounts, self.facts, self.terms, self.settled).rule.thresholds[1:],
            grace_share=settings.grace_share,
            grace_months=settings.grace_months,
            tier_budget=settings.search.budget,
            benefit_budget=self.benefits.budget,
            margin_rate=self.terms.margin_rate,
            uplift_times={benefit.name: 1.0 for benefit in catalogue},
        )

    @cached_property
    def saved_outcome(self) -> Outcome:
        """What the saved policy is expected to bring."""
        return self.evaluate(self.saved)

    def searched(self, choice: Choice) -> Choice:
        """Return `choice` with the thresholds that bring most under its grace, budget of tiers and margin rate.

        Raises ParamError where no thresholds keep the limits, saying which, and the nearest that some keep.
        """
        terms = self._terms(choice)
        free = replace(terms, settings=terms.settings.model_copy(update={"thresholds": None}))
        found = thresholds.search(self.amounts, self.facts, free, self.settled)
        if found.limits.gave_way:
            near, named = found.limits, ", ".join(f"tiers.search.{KNOBS[name]}" for name in found.limits.gave_way)
            raise ParamError(
                f"no thresholds keep {named}; the nearest limits that some keep: a budget of {near.budget:,.0f} cents, "
                f"{near.moves:.3g} moves a member and year, {near.least} members in each tier. Set them so."
            )
        return replace(choice, thresholds=found.rule.thresholds[1:])

    def evaluate(self, choice: Choice) -> Outcome:
        """Return what `choice` is expected to bring, or why it is not possible; never raises for a choice."""
        try:
            terms = self._terms(choice)
            self._check_order(choice)
            rule = rules.rule(terms.settings, choice.thresholds)
            appraisal = worth.appraise(rule, self.amounts, self.facts, terms, self.settled)
            rank = rules.replay(self.amounts, rule).iloc[:, -1].to_numpy().astype(int)
            found = self._allocated(choice, terms, rule, rank)
        except ProjectError as error:
            return Outcome(choice, message=str(error))
        spread = appraisal.spread
        if found:
            spread = pd.concat([spread, _spread(found)])
        net = appraisal.net + (found.net if found else 0.0)
        low, high = ranges.normal(net, ranges.sd(spread), CONFIDENCE)
        return Outcome(
            choice,
            by_tier=self._by_tier(rank, rule, appraisal, found),
            by_benefit=self._by_benefit(found),
            spread=spread,
            net=net,
            low=float(low),
            high=float(high),
            tier_cost=appraisal.cost,
            benefit_cost=found.cost if found else 0.0,
            moves=appraisal.moves,
            shadow_price=found.shadow_price if found else 0.0,
        )

    def _terms(self, choice: Choice) -> Terms:
        """Return the saved terms with what `choice` changes."""
        saved = self.terms.settings
        search = saved.search.model_copy(update={"budget": choice.tier_budget})
        grace = {"grace_share": choice.grace_share, "grace_months": choice.grace_months}
        return replace(
            self.terms, margin_rate=choice.margin_rate, settings=saved.model_copy(update={**grace, "search": search})
        )

    def _check_order(self, choice: Choice) -> None:
        """Raise ParamError, in the unit of the sliders, where a threshold is not above the one before."""
        settings = self.terms.settings
        for (name, low), (above, high) in pairwise(zip(settings.names[1:], choice.thresholds, strict=True)):
            if high <= low:
                raise ParamError(
                    f"thresholds must rise from tier to tier: {above} from {high / settings.unit:,.0f} is not above "
                    f"{name} from {low / settings.unit:,.0f}; raise the first or lower the second."
                )

    def _allocated(self, choice: Choice, terms: Terms, rule: Rule, rank: np.ndarray) -> Allocation | None:
        """Return who gets which of the benefits that are on; None where none is."""
        if not choice.uplift_times:
            return None
        settings = self.benefits.model_copy(update={"budget": choice.benefit_budget})
        standing = self.facts.assign(tier_rank=rank, tier=np.array(rule.names)[rank])
        times = {benefit.name: choice.uplift_times.get(benefit.name, 0.0) for benefit in settings.catalogue}
        setting = Setting(standing, settings, choice.margin_rate, self.reaction, terms.points_share, times)
        return allocation.allocate(setting.options(), standing, settings, GAP)

    def _by_tier(self, rank: np.ndarray, rule: Rule, appraisal: Appraisal, found: Allocation | None) -> pd.DataFrame:
        """Return by tier: members, rise, fall, cost and net of the tier, benefit_cost and benefit_net (cents).

        Each net with its range, e.g. net_low and benefit_net_high.
        """
        count, before = len(rule.names), self.facts["tier_rank"].to_numpy()
        table = appraisal.by_level(CONFIDENCE).drop(columns="gain")
        table["rise"] = np.bincount(rank[rank > before], minlength=count)
        table["fall"] = np.bincount(rank[rank < before], minlength=count)
        rows = [_outlook(found, rank == at) for at in range(count)]
        return table.join(pd.DataFrame(rows, table.index).add_prefix("benefit_"))

    def _by_benefit(self, found: Allocation | None) -> pd.DataFrame:
        """Return by benefit of the catalogue, on or off: members who get it, cost and net with its range (cents)."""
        names = pd.Index([benefit.name for benefit in self.benefits.catalogue], name="benefit")
        if found is None:
            return pd.DataFrame(0.0, names, ["members", *_NOTHING]).astype({"members": int})
        table = overview.by_benefit(found, CONFIDENCE).rename(columns={"given": "members"})
        return table[["members", *_NOTHING]].reindex(names, fill_value=0)


def _spread(found: Allocation) -> pd.Series:
    """Return what one standard deviation more of each error in the beliefs would add to the net, by its name."""
    doubts = found.options.doubts(found.choice).sum(axis=0)
    return pd.Series(doubts, [f"response to benefits, error {number}" for number in range(len(doubts))])


def _outlook(found: Allocation | None, members: np.ndarray) -> dict[str, float]:
    """Return cost, net, net_low and net_high of what those `members` (of bool) are given."""
    if found is None:
        return dict(_NOTHING)
    choice = np.where(members, found.choice, NOTHING)
    ahead = payoff.outlook(found.options, choice, CONFIDENCE)
    cost = float(found.options.taken(found.options.cost, choice).sum())
    return {"cost": cost, "net": ahead.net, "net_low": ahead.low, "net_high": ahead.high}


def load(p: Stage) -> Designer:
    """Return the designer of what stages `tiers` and `benefits` have written. Raises DataError where they have not."""
    known, settings = [tables.read(name) for name in ("tiers", "value", "profile", "survey")], p.benefits
    no = consent.refused(consent.stored(), consent.OFFERS)
    everybody = facts.facts(*known, settings.fairness.attributes, tables.read("features"), settings.consent, no)
    margin = p.economics.margin_rate * float(everybody["expected_spend"].sum())
    events, months = engine.load(engine.connect(p.engine), "events"), lifecycle.month_starts(p.windows)
    amounts = qualifying.amounts(events, everybody["member_id"], months, p.tiers)
    rules_now = worth.settled(p.tiers, everybody, amounts, p.economics.margin_rate)
    return Designer(
        amounts=amounts,
        settled=rules.settled(months, p.windows.start, p.tiers),
        facts=everybody,
        reaction=Reaction.from_json(files.read_json(paths.models("reaction.json"))),
        terms=worth.known_terms(rules_now, p.economics.margin_rate, p.value.horizon_days),
        benefits=settings.settled(margin, worth.usual_order(everybody)),
    )


def snippet(choice: Choice, designer: Designer) -> str:
    """Return, as YAML, what makes `choice` the policy of `params.yaml`; other knobs stay as they are."""
    catalogue = [
        benefit.model_dump(mode="json", exclude_defaults=True)
        | {"uplift": round(benefit.uplift * times, 6), "uplift_sd": round(benefit.uplift_sd * times, 6)}
        for benefit in designer.benefits.catalogue
        if (times := choice.uplift_times.get(benefit.name)) is not None
    ]
    tiers = {
        "thresholds": [int(threshold) for threshold in choice.thresholds],
        "grace_share": round(choice.grace_share, 4),
        "grace_months": choice.grace_months,
        "search": {"budget": round(choice.tier_budget)},
    }
    part = {
        "economics": {"margin_rate": round(choice.margin_rate, 4)},
        "tiers": tiers,
        "benefits": {"budget": round(choice.benefit_budget), "catalogue": catalogue},
    }
    return yaml.safe_dump(part, sort_keys=False, default_flow_style=None, width=120)


def with_tier_budget(choice: Choice, share: float) -> Choice:
    """Return `choice` with `share` of its budget for tiers."""
    return replace(choice, tier_budget=share * choice.tier_budget)
