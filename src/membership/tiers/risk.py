"""How much depends on what tiers change: other uplifts, and what it would bring to know them."""

from dataclasses import replace

import numpy as np
import pandas as pd

from membership.settings.tiers import Pull, Tier, Tiers
from membership.tiers import worth
from membership.tiers.beliefs import Beliefs
from membership.tiers.thresholds import Choices, Search


def value_of_knowing(search: Search, beliefs: Beliefs, draws: int, rng: np.random.Generator) -> float:
    """Return what knowing the uplifts before choosing would add to the expected net, in cents.

    Over `draws` of the beliefs: for each the best rule within the limits that the search kept, against the rule found.
    No trial can be worth more than this a horizon. 0 where nothing is uncertain.
    """
    if not beliefs.sd.any():
        return 0.0
    held = np.searchsorted(search.choices.thresholds, search.rule.thresholds[1:])
    limits, levels, added = search.limits, np.arange(len(held)), 0.0
    for mean in rng.multivariate_normal(beliefs.mean, beliefs.cov, size=draws, method="eigh"):
        choices = _with(search.choices, replace(beliefs, mean=mean).used(search.choices.terms.settings))
        net, ladder = choices.gain - choices.cost, replace(choices.ladder(), least=limits.least)
        # what the rule found costs depends on the draw: it stays allowed
        budget = max(limits.budget, float(choices.cost[levels, held].sum()))
        found = ladder.solve(net, budget, max(limits.moves, float(ladder.moves[held].sum())))
        if found is not None:
            added += max(found.best - float(net[levels, held].sum()), 0.0)
    return added / draws


def sensitivity(search: Search, amounts: pd.DataFrame, value: pd.DataFrame) -> pd.DataFrame:
    """Return what becomes of the rule found, and what would be found instead, were all uplifts lower or higher.

    By one `uplift_sd` each, all at once. Index uplifts (lower, used, higher); columns net (cents, of the rule
    found), best_net (of the best rule then; NaN where no rule keeps the limits), and its thresholds, one a tier.
    """
    rows = []
    for sign in (-1, 0, 1):
        choices = _with(search.choices, _shifted(search.choices.terms.settings, sign))
        ladder = replace(choices.ladder(), least=search.limits.least)
        found = ladder.solve(choices.gain - choices.cost, search.limits.budget, search.limits.moves)
        there = [np.nan, *[np.nan] * len(choices.gain)]
        if found is not None:
            there = [found.best, *choices.thresholds[found.chosen]]
        rows.append((worth.appraise(search.rule, amounts, value, choices.terms).net, *there))
    index = pd.Index(["lower", "used", "higher"], name="uplifts")
    return pd.DataFrame(rows, index=index, columns=["net", "best_net", *search.rule.names[1:]])


def _shifted(settings: Tiers, sign: int) -> Tiers:
    """Return `settings` with every uplift `sign` standard deviations off."""
    levels = [_moved(level, sign) for level in settings.levels]
    return settings.model_copy(update={"levels": levels, "pull": _moved(settings.pull, sign)})


def _moved(knob: Tier | Pull, sign: int) -> Tier | Pull:
    return knob.model_copy(update={"uplift": knob.uplift + sign * knob.uplift_sd})


def _with(choices: Choices, settings: Tiers) -> Choices:
    return replace(choices, terms=replace(choices.terms, settings=settings))
