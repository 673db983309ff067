"""What MLflow says to people: what the experiment and its runs are, and which columns its table of runs begins with."""

import json
from collections.abc import Mapping
from typing import Any

from membership.base import graph
from membership.report import formats, pages

NOTE = "mlflow.note.content"  # the description that the UI shows
VIEW = "pipeline"  # the view of the table of runs that `address` opens
_COLUMNS = ("attributes.`Duration`", "tags.`stage`", "tags.`primary`", "tags.`interval`", "tags.`device`")
EXPERIMENT = {
    NOTE: (
        "One run a stage of the pipeline, with its parameters, metrics, figures and page; runs nested in it are "
        "candidates, peers and trials of the search. `primary` is the metric that decides, challenger against "
        "champion; `interval` that of the difference. Tagged `exploration`: notebooks run by hand. Tagged `restored`: "
        "DVC took the outputs from its cache, `restored_from` made them."
    ),
    "mlflow.experimentKind": "custom_model_development",  # so that the UI leaves out what is for language models
    f"mlflow.sharedViewState.{VIEW}": json.dumps({"selectedColumns": list(_COLUMNS)}),
}


def address(experiment: str) -> str:
    """Return where the UI's table of runs begins with our columns and has no menus for language models, as a path."""
    return f"/#/experiments/{experiment}/runs?workflowType=machine_learning&viewStateShareKey={VIEW}"


def main() -> None:
    """Print the address that `make ui` serves."""
    from membership.pipeline import track

    print(f"Open http://127.0.0.1:5000{address(track.connect()[1])}")


def note(stage: str) -> dict[str, str]:
    """Return the description of a run of `stage`: the question of its notebook; nothing for what is no stage."""
    found = [node for node in graph.nodes() if node.name == stage and node.notebook.exists()]
    return {NOTE: f"{pages.title(found[0].notebook)} (`notebooks/{found[0].notebook.name}`)"} if found else {}


def headline(stage: str, numbers: Mapping[str, Any], metric: str) -> dict[str, str]:
    """Return the tags that tell what evaluating found: `primary` and `interval`; nothing of any other stage."""
    difference = f"difference_{metric}"
    if stage != "evaluate" or not numbers.get(difference):
        return {}
    pair = (formats.number(numbers[f"{arm}_{metric}"], 4) for arm in ("challenger", "champion"))
    ends = formats.interval(numbers[f"{difference}_low"], numbers[f"{difference}_high"], formats.signed)
    return {"primary": f"{metric} {' against '.join(pair)}", "interval": ends}


if __name__ == "__main__":
    main()
