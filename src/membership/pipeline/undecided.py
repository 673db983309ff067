"""What to do for each member where nothing could be decided: all that needs no list of recommendations.

Stage `decide` needs everything that the pipeline makes. Where it is not possible, what a lifecycle stage calls for,
tiers and benefits are still due: the same table `actions`, without items.
"""

from pathlib import Path

import pandas as pd

from membership.base import graph, tables
from membership.base.errors import NotPossible
from membership.evaluate import actions
from membership.settings import params
from membership.settings.params import Stage
from membership.trials import register, serving

TABLE = "data/actions.parquet"
PUBLISHED = ("reports/actions.csv", "reports/actions.parquet")


def write(node: graph.Node, root: Path) -> list[str]:
    """Write table `actions` of stage `node` under `root`, and for people where these are outputs of the stage, too.

    Return the outputs written: none where no lifecycle stage is known.
    """
    try:
        found = table(params.load(node.name))
    except NotPossible:
        return []
    stored, shown = tables.write("actions", found, root), [name for name in PUBLISHED if name in node.outs]
    if shown:
        actions.publish(stored, root / "reports")
    return [TABLE, *shown]


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
    known = register.read()
    given = serving.given(tables.read("allocations", or_empty=True), known, p.windows.as_of)
    steps = actions.steps(profile, tiers, given, lists, items, p.lifecycle.strategy, p.benefits.catalogue)
    return actions.assemble(value, profile, tiers, steps, lists, items, register.arms(known, p.windows.as_of))
