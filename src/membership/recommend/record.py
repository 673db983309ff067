"""The record of a training: the metrics of the stage, and the facts from which its page and the model card are made."""

from dataclasses import asdict
from typing import Any

import pandas as pd

from membership.recommend import behaviour
from membership.recommend.policy import Recommender
from membership.recommend.train import Fitted, Samples
from membership.settings.params import Stage


def metrics(
    fitted: Fitted, data: Samples, tradeoff: pd.DataFrame, reliable: pd.DataFrame, p: Stage
) -> dict[str, float]:
    """Return the metrics of stage train, and how a model of the same settings does on the validation window.

    `tradeoff` and `reliable` are as from `behaviour.frontier` and `.reliability`.
    """
    used = tradeoff[tradeoff["explore"] == p.recommend.explore].iloc[0].drop("explore")
    named = used.rename(lambda name: "catalogue_coverage" if name == "coverage" else f"{name}_at_{p.recommend.k}")
    return {
        "training_loss": fitted.losses["loss"].iloc[-1],
        "training_rows": len(data.bought),
        "training_rows_bought": int(data.bought.sum()),
        "signals": len(data.names),
        "parameters": fitted.model.parameter_count,
        **named.to_dict(),
        **behaviour.calibration(reliable, ""),
    }


def facts(
    fitted: Fitted, data: Samples, recommender: Recommender, tradeoff: pd.DataFrame, reliable: pd.DataFrame, p: Stage
) -> dict[str, Any]:
    """Return what there is to say of the model, as JSON knows it: the content of `data/training.json`.

    `recommender` serves the model as of `p.windows.as_of`; `tradeoff` and `reliable` are as from `behaviour`, of a
    model with the same settings that learned only from before the validation window.
    """
    known, knobs = recommender.baskets, p.recommend
    ids, scores = recommender.recommend(known.members, knobs.k)
    listed = ids != ""
    return {
        "as_of": str(p.windows.as_of),
        "validation": str(p.windows.validation),
        "seed": p.seed,
        "settings": asdict(fitted.model.settings),
        "weights": fitted.model.parameter_count,
        "signals": list(data.names),
        "rows": len(data.bought),
        "rows_bought": int(data.bought.sum()),
        "origins": p.train.origins,
        "losses": fitted.losses["loss"].tolist(),
        "recommend": knobs.model_dump(mode="json", exclude={"peers"}),
        "members": len(known.members),
        "catalogue": len(known.items),
        "lines": len(known.item),
        "baskets": int(known.sizes.sum()),
        "listed_items": float(listed.sum(axis=1).mean()),
        "expected_items": float(scores.sum(axis=1).mean()),
        "repeat_share": float(known.bought(known.members, ids)[listed].mean()),
        "tradeoff": tradeoff.to_dict("records"),
        "reliability": reliable[reliable["source"] == "all"].to_dict("records"),
        "calibration": behaviour.calibration(reliable, ""),
        "confidence": behaviour.CONFIDENCE,
    }
