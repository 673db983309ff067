"""What to do for each member where nothing could be decided: all that needs no list of recommendations.

Stage `decide` needs everything that the pipeline makes. Where it is not possible, what a lifecycle stage calls for,
tiers and benefits are still due: the same table `actions`, without items.
"""

from pathlib import Path

import pandas as pd

from membership.base import graph, tables
from membership.base.errors import NotPossible
from membership.data import consent
from membership.evaluate import actions
from membership.settings import params
from membership.settings.params import Stage
from membership.trials import register, serving

TABLE = "data/actions.parquet"


def write(node: graph.Node, root: Path) -> list[str]:
    """Write table `actions` of stage `node` under `root`; return the outputs written: none where no stage is known."""
    try:
        found = table(params.load(node.name))
    except NotPossible:
        return []
    tables.write("actions", found, root)
    return [TABLE]


def table(p: Stage) -> pd.DataFrame:
    """Return table `actions` without items, of the parameters of stage `decide`.

    Without tiers everybody has none; without benefits nobody gets one. Raises NotPossible where values or lifecycle
    stages are not known.
    """
    value, profile, items = tables.read("value"), tables.read("profile"), tables.read("items", or_empty=True)
    tiers, lists = tables.read("tiers", or_empty=True), tables.empty("recommendations")
    if tiers.empty:
        none = {"tier": "", "next_tier": None, "spend_to_next": 0, "points": 0}
        tiers = value[["member_id"]].assign(**none)
    agreed = consent.stored()
    known = register.read().without(consent.refused(agreed, consent.TRIALS))
    given = serving.given(tables.read("allocations", or_empty=True), known, p.windows.as_of)
    given = consent.respected(given, agreed, consent.OFFERS)
    steps = actions.steps(profile, tiers, given, lists, items, p.lifecycle.strategy, p.benefits.catalogue)
    found = actions.assemble(value, profile, tiers, steps, lists, items, register.arms(known, p.windows.as_of))
    return consent.respected(found, agreed, consent.PROFILING)
