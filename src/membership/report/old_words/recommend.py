"""What the search and the training found: flat metrics, and sentences made from the numbers."""

from dataclasses import asdict

import pandas as pd

from membership.recommend import behaviour
from membership.recommend.model import Settings
from membership.recommend.policy import Recommender
from membership.recommend.train import Fitted, Samples
from membership.recommend.tune import Task


def search_metrics(history: pd.DataFrame, compared: pd.DataFrame, task: Task) -> dict[str, float]:
    """Return the metrics of stage tune: recall on the validation window of the model and each peer, and counts."""
    name = f"validation_recall_at_{task.k}"
    recall = compared.set_index("policy")["recall"]
    return {
        name: recall["model"],
        **{f"{name}_{peer}": value for peer, value in recall.drop("model").sort_index().items()},
        "validation_members": len(task.targets.members),
        "trials_complete": int(history["recall"].notna().sum()),
        "trials_pruned": int(history["recall"].isna().sum()),
    }


def search_in_words(compared: pd.DataFrame, settings: Settings, task: Task) -> str:
    """Say, as Markdown, what was chosen and whether it beats the peers where it was chosen."""
    recall = compared.set_index("policy")["recall"]
    peer, best = recall.drop("model").idxmax(), recall.drop("model").max()
    verdict = "above" if recall["model"] > best else "not above"
    return (
        f"Of the next basket of {len(task.targets.members):,} members, {recall['model']:.1%} is among the {task.k} "
        f"items that the model lists: {verdict} the best baseline, `{peer}`, with {best:.1%}. Chosen: "
        f"{settings_in_words(settings)}. The model was chosen on this window from several trials, so its figure is a "
        "little flattering; the honest comparison is on the holdout, in notebook 70."
    )


def settings_in_words(settings: Settings) -> str:
    """Return the settings, named, in one line."""
    return ", ".join(f"{name.replace('_', ' ')} {value:.3g}" for name, value in asdict(settings).items())


def training_metrics(
    fitted: Fitted, data: Samples, tradeoff: pd.DataFrame, reliable: pd.DataFrame, explore: float
) -> dict[str, float]:
    """Return the metrics of stage train, and how a model of the same settings does on the validation window.

    `tradeoff` and `reliable` are as from `behaviour.frontier` and `.reliability`; `explore` is the value in use.
    """
    used = tradeoff[tradeoff["explore"] == explore].iloc[0].drop("explore")
    return {
        "training_loss": fitted.losses["loss"].iloc[-1],
        "training_rows": len(data.bought),
        "training_rows_bought": int(data.bought.sum()),
        "signals": len(data.names),
        "parameters": fitted.model.parameter_count,
        **used.add_prefix("validation_").to_dict(),
        **behaviour.calibration(reliable, "validation_"),
    }


def training_in_words(fitted: Fitted, data: Samples, recommender: Recommender, k: int) -> str:
    """Say, as Markdown, what the model learned from and what its lists look like."""
    members = recommender.baskets.members
    ids, scores = recommender.recommend(members, k)
    listed = ids != ""
    repeat = recommender.baskets.bought(members, ids)[listed].mean()
    first, last = fitted.losses["loss"].iloc[[0, -1]]
    return (
        f"The model learned from {len(data.bought):,} rows, {int(data.bought.sum()):,} of them bought; the loss fell "
        f"from {first:.4f} to {last:.4f}. For {len(members):,} members it lists {listed.sum(axis=1).mean():.1f} items "
        f"each, of which it expects {scores.sum(axis=1).mean():.2f} in the next basket; {repeat:.0%} of the "
        "listed items were bought before. Expected is what is seen in the past: nothing here says that a "
        "recommendation causes a purchase."
    )
