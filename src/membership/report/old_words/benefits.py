"""What the benefits come to, for people: tables, metrics and words."""

import pandas as pd

from membership.benefits import fairness
from membership.benefits.allocation import Allocation
from membership.benefits.facts import UNKNOWN
from membership.benefits.payoff import Outlook
from membership.settings.benefits import Benefits
from membership.settings.tiers import Tiers


def benefit_table(allocation: Allocation, break_even: pd.DataFrame) -> pd.DataFrame:
    """Return one row a benefit: may_have (members), pays_for (share of them), given (members), cost and gain (cents),
    break_even, uplift, uplift_sd and p_pays (from `payoff.break_even`: of giving it to all who may have it).
    """
    options, given = allocation.options, allocation.given
    may = options.allowed.sum(axis=0)
    table = pd.DataFrame(
        {
            "may_have": may,
            "pays_for": options.pays.sum(axis=0) / may.clip(min=1),
            "given": given.sum(axis=0),
            "cost": (options.cost * given).sum(axis=0),
            "gain": (options.gain * given).sum(axis=0),
        },
        index=pd.Index(options.benefits, name="benefit"),
    )
    overall = break_even[break_even["tier"] == "all"].set_index("benefit")
    return table.join(overall[["break_even", "uplift", "uplift_sd", "p_pays"]])


def cost_table(allocation: Allocation, settings: Tiers) -> pd.DataFrame:
    """Return expected cost (cents) by tier (rows) and benefit of the catalogue (columns)."""
    options = allocation.options
    spent = pd.DataFrame(options.cost * allocation.given, columns=list(options.benefits))
    names = [level.name for level in settings.levels]
    table = spent.groupby(options.tier_rank).sum().reindex(range(len(names)), fill_value=0.0)
    return table.set_axis(pd.Index(names, name="tier"))


def metrics(allocation: Allocation, outlook: Outlook, fair: pd.DataFrame, lost: float, budget: float) -> dict:
    """Return the metrics of benefits. Money in cents; shares 0 to 1.

    `fair` is `fairness.benefit_table`; `lost` the share of what benefits would bring that the limit of fairness costs.
    """
    members = max(len(allocation.given), 1)
    return {
        "benefit_budget": budget,
        "benefit_cost": allocation.cost,
        "benefit_net": allocation.net,
        "benefit_net_low": outlook.low,
        "benefit_net_high": outlook.high,
        "benefit_p_pays": outlook.p_pays,
        "benefit_gap": allocation.gap,
        "benefit_shadow_price": allocation.shadow_price,
        "benefit_member_share": float(allocation.given.any(axis=1).sum() / members),
        "fairness_smallest_ratio": fairness.smallest_ratio(fair),
        "fairness_lost_share": lost,
    }


def lost_to_fairness(ratios: pd.DataFrame, settings: Benefits) -> float:
    """Return the share of what benefits would bring that `min_ratio` costs, from `sweeps.ratio`."""
    row = ratios.loc[ratios["min_ratio"] == settings.fairness.min_ratio, "lost"]
    return float(row.iloc[0]) if len(row) else 0.0


def conclusion(table: pd.DataFrame, metrics: dict, horizon_days: int, confidence: float) -> str:
    """Say in words, as Markdown, what benefits are expected to bring; `table` is `benefit_table`."""
    if not metrics["benefit_budget"]:
        price = metrics["benefit_shadow_price"]
        return f"The budget for benefits is 0: nobody gets any. The first unit of it would bring {price:.2f} more."
    sure = ", ".join(f"{name.replace('_', ' ')} {row.p_pays:.0%}" for name, row in table.iterrows() if row.may_have)
    return (
        f"Benefits for the next {horizon_days} days cost {_money(metrics['benefit_cost'])} of a budget of "
        f"{_money(metrics['benefit_budget'])}, go to {metrics['benefit_member_share']:.0%} of members, and would bring "
        f"{_money(metrics['benefit_net'])} of margin beyond their cost ({confidence:.0%} interval, as far as "
        f"`uplift_sd` tells: {_money(metrics['benefit_net_low'])} to {_money(metrics['benefit_net_high'])}; "
        f"{metrics['benefit_p_pays']:.0%} likely to be above 0). One more unit of budget would bring "
        f"{metrics['benefit_shadow_price']:.2f} more. No other allocation could bring more than "
        f"{metrics['benefit_gap']:.2%} beyond it. **All of this rests on responses that are assumed**, and only where "
        "campaigns speak for a benefit on more. How likely each benefit is to pay, given to all who may have it: "
        f"{sure}.{_idle(table)}"
    )


def fairness_words(fair: pd.DataFrame, metrics: dict, facts: pd.DataFrame, settings: Benefits) -> str:
    """Say in words, as Markdown, how even benefits are between groups and what that costs; `fair`: `benefit_table`."""
    attributes = settings.fairness.attributes
    if fair.empty:
        return "No attribute of members is named in `benefits.fairness.attributes`: nothing is known of groups."
    known = ", ".join(f"{name} of {fairness.known_share(facts, name):.0%}" for name in attributes)
    if not fair["limited"].any():
        return f"Known of members: {known}; no group has benefits.fairness.min_group members, so none is limited."
    limited = fair[fair["limited"]]
    least, most = limited.loc[limited["of_largest"].idxmin()], limited.loc[limited["expected_spend"].idxmax()]
    silent = fair[(fair["group"] == UNKNOWN) & (fair["attribute"] == least["attribute"])]
    quiet = f" and gets {silent['cost'].iloc[0] / 100:,.2f} a member" if len(silent) else ""
    return (
        f"Known of members: {known}; who did not answer is under no limit{quiet}, against "
        f"{least['cost'] / 100:,.2f} to {limited['cost'].max() / 100:,.2f} of those who did. Among groups of at least "
        f"{settings.fairness.min_group} members, the one that gets least ({least['attribute']} {least['group']}) has "
        f"{metrics['fairness_smallest_ratio']:.0%} of what the one that gets most has, a member; the limit is "
        f"{settings.fairness.min_ratio:.0%}, and respecting it costs {metrics['fairness_lost_share']:.1%} of what "
        "benefits would bring. **Equal shares and equal need conflict**: groups differ in value. Those who spend most "
        f"({most['attribute']} {most['group']}) get {most['cost_of_spend']:.2%} of their expected spend in benefits, "
        f"all limited groups {limited['cost_of_spend'].min():.2%} to {limited['cost_of_spend'].max():.2%}: evening "
        "out one moves the other. Which is fair is a judgement; the limit states one, and what it costs."
    )


def _idle(table: pd.DataFrame) -> str:
    idle = table[table["given"] == 0]
    reasons = {"pay for nobody": idle["pays_for"] == 0, "pay less than others do": idle["pays_for"] > 0}
    return "".join(
        f" Not given, since they {reason}: {', '.join(idle.index[those]).replace('_', ' ')}."
        for reason, those in reasons.items()
        if those.any()
    )


def _money(cents: float) -> str:
    return f"{cents / 100:,.0f}"
