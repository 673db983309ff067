"""The model card, `reports/model_card.md`: what the model is, for whom, how good, and where it ends.

After Mitchell et al., "Model cards for model reporting" (FAT* 2019); every number is made by the run.
"""

from pathlib import Path

import pandas as pd

from membership.base import files, paths
from membership.base.results import markdown
from membership.recommend.behaviour import CONFIDENCE, calibration
from membership.recommend.policy import Recommender
from membership.recommend.train import Fitted, Samples
from membership.report.old_words.recommend import settings_in_words
from membership.settings.params import Stage

_ABOUT = {
    "own": "the member's rhythm with the item: how often, how regularly, when last",
    "item": "the item: how popular it is, its trend, how it is bought again, its price",
    "member": "the member: how often and how much it shops",
    "subcategory": "the member's rhythm with the item's subcategory",
    "name": "the member's rhythm with items of this name",
    "group": "the member's rhythm with items of its kind",
}
_LIMITS = """\
- What is predicted is what members buy on their own. That a recommendation causes a sale is not shown by any figure \
here; only a trial with random arms can show it.
- A member without enough history gets what is popular, and is told so; lists become personal with the baskets.
- Items that too few have bought are no candidates; `policy.newcomers` ranks them by their attributes alone.
- The past is the teacher: a season that was not seen, a changed assortment or a new price will be met as if all was \
as before. Train again at least once a validation window.
- Calibrated means: right on average over members and items, not for each of them."""


def text(
    fitted: Fitted, data: Samples, recommender: Recommender, tradeoff: pd.DataFrame, reliable: pd.DataFrame, p: Stage
) -> str:
    """Return the card as Markdown.

    `recommender` serves the model as of `p.windows.as_of`; `tradeoff` and `reliable` are as from `behaviour`, of a
    model with the same settings that learned only from before the validation window.
    """
    return f"""# Model card: what will a member buy next?

{_what(fitted, data, p)}

## For whom, and for what
People who write to members of a programme: the model ranks items for each member and says how probable it is that \
the next basket holds them, and why. It is not made to judge members, to set prices, or to prove that a campaign sells.

## Data
{_data(recommender, p)}

## What it looks at
{_signals(data.names)}

## How good it is
{_quality(tradeoff, p)}

## Do its probabilities come true?
{_calibration(reliable)}

## Explore against repeat
{_tradeoff(tradeoff, p)}

## Limits
{_LIMITS}

## How to use it
```python
trained = model.load(paths.models("next_basket"))  # from membership.recommend; a GPU is not needed
recommender = policy.serve(trained, events, items, p.windows.as_of, p)
ids, probabilities = recommender.recommend(members, {p.recommend.k})  # why: recommender.reasons(members, ids, items)
```
"""


def save(card: str) -> Path:
    """Write `card` as `reports/model_card.md` and return its path."""
    path = paths.reports("model_card.md")
    files.write_text(path, card)
    return path


def _what(fitted: Fitted, data: Samples, p: Stage) -> str:
    first, last = fitted.losses["loss"].iloc[[0, -1]]
    return (
        f"A small neural network (PyTorch, {fitted.model.parameter_count:,} weights) from {len(data.names)} signals of "
        "a member and an item to the calibrated probability that the item is in the member's next basket. It was "
        f"trained as of {p.windows.as_of} on {len(data.bought):,} pairs of member and item, {int(data.bought.sum()):,} "
        f"of them bought, from up to {p.train.origins} earlier days, in {len(fitted.losses)} epochs in which the loss "
        f"went from {first:.4f} to {last:.4f} (binary cross-entropy, nats). Settings: "
        f"{settings_in_words(fitted.model.settings)}; seed {p.seed}. On a CPU the same seed gives the same weights."
    )


def _data(recommender: Recommender, p: Stage) -> str:
    known = recommender.baskets
    return (
        f"Purchases of products before {p.windows.as_of}: the last {p.recommend.max_baskets} baskets, one a local "
        f"day, of the {len(known.members):,} members with at least {p.recommend.min_baskets}, of the "
        f"{len(known.items):,} items bought at least {p.recommend.min_item_purchases} times; {len(known.item):,} lines "
        f"in {int(known.sizes.sum()):,} baskets. Nothing from {p.windows.as_of} on was seen. No attribute of members "
        "(age, sex, income, address) is used."
    )


def _signals(names: list[str]) -> str:
    """List the signals by what they are about, which the first word of their names says."""
    about = [
        _ABOUT.get(name.split("_")[0], "what other members, or other items, say of it (sources)") for name in names
    ]
    groups = pd.Series(names).groupby(about, sort=False).agg(", ".join)
    return markdown({"about": words, "signals": f"`{listed}`"} for words, listed in groups.items())


def _quality(tradeoff: pd.DataFrame, p: Stage) -> str:
    used, k = tradeoff[tradeoff["explore"] == p.recommend.explore].iloc[0], p.recommend.k
    return (
        f"On {p.windows.validation}, by a model of the same settings that learned only from before: of the next "
        f"basket, {used['recall']:.1%} is among the {k} listed items; of what the member had bought before, "
        f"{used['repeat_recall']:.1%}, of what was new to the member, {used['explore_recall']:.1%}. Of the listed "
        f"items {used['explore_share']:.1%} are new to the member, of those that were bought "
        f"{used['explore_hit_share']:.1%}; {used['coverage']:.0%} of the items that can be recommended "
        "are on some list. The settings were "
        "chosen on this window, which flatters a little: the honest comparison with what is live, on the holdout, is "
        "in `reports/summary.md` and `reports/metrics/evaluate.json`."
    )


def _calibration(reliable: pd.DataFrame) -> str:
    found = calibration(reliable, "")
    ratios = ", ".join(
        f"{value:.2f} of {name.removeprefix('expected_over_bought_')}"
        for name, value in found.items()
        if "over" in name
    ).replace("of items", "over all")
    rows = markdown(
        {
            "predicted": f"{row.predicted:.4f}",
            "bought": f"{row.observed:.4f}",
            f"{CONFIDENCE:.0%} interval": f"{row.low:.4f} to {row.high:.4f}",
            "pairs of member and item": f"{row.pairs:,}",
        }
        for row in reliable[reliable["source"] == "all"].itertuples()
    )
    return (
        "On the same window the predicted and the observed share differ by "
        f"{found['calibration_error']:.4f} on average (expected calibration error). "
        f"For each item that was bought, the model expected {ratios} items.\n\n{rows}"
    )


def _tradeoff(tradeoff: pd.DataFrame, p: Stage) -> str:
    rows = markdown(
        {
            "explore": f"{row.explore:g}{' (in use)' if row.explore == p.recommend.explore else ''}",
            f"recall@{p.recommend.k}": f"{row.recall:.4f}",
            "of what is new": f"{row.explore_recall:.4f}",
            "new on the lists": f"{row.explore_share:.1%}",
            "new among hits": f"{row.explore_hit_share:.1%}",
            "of the items, on lists": f"{row.coverage:.0%}",
        }
        for row in tradeoff.itertuples()
    )
    return (
        "Left to itself the model mostly lists what the member has bought before, because that is what is most "
        "probable. `recommend.explore` adds log-odds to items that are new to the member when it ranks; the "
        f"probability that is shown stays as it is. On the same window:\n\n{rows}"
    )
