"""What knobs of the reranker cost: `python -m benchmarks.frontier --out JSON --figure SVG`, after `dvc repro`.

Each knob is turned on members who choose settings (never those who judge), by `recommend.knobs.frontiers`:

default: the default data, the model of stage tune on the validation window.
articles: deskdrop; what is read on a day is a basket, `recommend` is of preset content, and the model learns before the
    validation window.
any of `thinned_data.SETS`, without dates and categories: val members, a model of the train members' labels.

The JSON is set -> members, items, rows; sets that it has already are not made again.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import ibis
import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from benchmarks import complete_journey, contest, ordered, thinned_data
from membership.base import engine, files, paths, tables
from membership.base.errors import ParamError, ProjectError
from membership.recommend import baskets, knobs, model, policy, rerank, train, tune
from membership.recommend.model import Settings
from membership.recommend.tune import Tried
from membership.report.figures import recommend as figures
from membership.settings import params, preset
from membership.settings.params import Stage

TURNED = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
ARTICLES = contest.STORED | {
    "windows.start": "2016-03-14",
    "windows.calibration_end": "2016-10-01",
    "windows.validation_end": "2016-12-01",
    "windows.holdout_end": "2017-02-01",
    "recommend.min_item_purchases": 2,
}
SETS = ("default", "articles", *thinned_data.SETS)


def main() -> None:
    """Make what is missing of the sets, write the JSON after each, draw the figure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file: set -> what was found")
    parser.add_argument("--figure", type=Path, help="SVG file to draw the frontiers in")
    parser.add_argument("--only", default="default,articles,tafeng-6", help="names of sets, with commas")
    given = parser.parse_args()
    names, folder = given.only.split(","), Path(os.environ.get("MEMBERSHIP_DATA", "../shared/data"))
    try:
        if unknown := [name for name in names if name not in SETS]:
            raise ParamError(f"--only: no set {unknown[0]!r}; there are: {', '.join(SETS)}.")
        found = files.read_json(given.out) if given.out.exists() else {}
        for name in names:
            if name not in found:
                found[name] = run(name, folder)
                files.write_json(given.out, found)
    except ProjectError as error:
        sys.exit(str(error))
    told = {name: pd.DataFrame(found[name]["rows"]) for name in names}
    if given.figure:
        draw(told, given.figure)
    sys.stdout.write(pd.concat(told, names=["set"]).droplevel(1).round(4).to_string() + "\n")


def run(name: str, folder: Path) -> dict[str, Any]:
    """Return what turning each knob shows on set `name`; shared data lie below `folder`."""
    tried, items, p = {"default": _default, "articles": _articles}.get(name, _thinned)(name, folder)
    free = policy.of_pairs(tried.now.baskets, tried.now.pairs, tried.probability, p.recommend.explore)
    turned = knobs.frontiers(free, tried.targets, p.recommend, items, turned=TURNED)
    return {"members": len(tried.targets.members), "items": len(items), "rows": turned.to_dict("records")}


def _default(_: str, __: Path) -> tuple[Tried, pd.DataFrame, Stage]:
    p, items = params.load("train"), tables.read("items")
    events = baskets.of_products(engine.load(engine.connect(p.engine), "events"), items)
    return tune.tried(model.load(paths.models("tried")), events, items, p), items, p


def _articles(_: str, folder: Path) -> tuple[Tried, pd.DataFrame, Stage]:
    content = preset.read("content", paths.root() / "presets")["recommend"]
    p = params.parse(params.read(), ARTICLES | {f"recommend.{name}": value for name, value in content.items()})
    read = thinned_data.articles(folder).rename(columns={"member": "member_id", "item": "item_id"}).drop_duplicates()
    day = pd.to_datetime(read.pop("day"), unit="D").astype("datetime64[us]")
    lines = read.assign(local_at=day, **complete_journey.BOUGHT, quantity=1)
    unknown = dict.fromkeys(("name", "category", "subcategory", "brand"))
    items = pd.DataFrame({"item_id": sorted(lines["item_id"].unique()), **unknown})
    task = tune.task(engine.connect().create_table("events", ibis.memtable(lines)), items, p)
    return _tried(task.samples, task.now, task.targets, p), items, p


def _thinned(name: str, folder: Path) -> tuple[Tried, pd.DataFrame, Stage]:
    p = params.parse(params.read(), contest.STORED)
    data, fold = thinned_data.made(name, folder, p.seed)
    labels, targets = data.futures.of(fold.train), data.futures.of(fold.val)
    samples = ordered.samples(data.baskets, labels, p)
    now = ordered.situation(data.baskets, labels, p, targets.members)
    items = pd.DataFrame({"item_id": data.baskets.items, "category": None})
    return _tried(samples, now, targets, p), items, p


def _tried(samples, now, targets, p: Stage) -> Tried:
    settings = Settings(**p.train.settings.model_dump())
    network = train.fit(samples, settings, p.train, p.seed, p.device).model
    return Tried(now, targets, network.probability(now.inputs))


def draw(told: dict[str, pd.DataFrame], file: Path) -> None:
    """Draw a row of frontiers for each set, those of a knob below each other."""
    k, shape = params.load("train").recommend.k, (len(told), len(rerank.KNOBS))
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "frontier", "font.size": 9}):
        drawing = Figure(figsize=(3 * shape[1], 2.8 * shape[0]), layout="constrained")
        for (name, turned), row in zip(
            told.items(), drawing.subplots(*shape, squeeze=False, sharey="row"), strict=True
        ):
            there = dict(zip(rerank.KNOBS, row, strict=True))
            for missing in knobs.lacking(turned):
                there.pop(missing).set_axis_off()
            figures.knobs(turned, k, list(there.values()))[0].set_title(name, loc="left")
        with files.whole(file) as temporary:
            drawing.savefig(temporary, format="svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
