"""The scorer: what the batch run knows of members, in one folder, and answers for them from it.

Known members are answered from the batch run's tables. For members whose events are sent along the batch run's own
functions work on these events: value, stage, tier, points and items are what a batch run with these events would have
said, with all that is learned from other members as it was. Benefits are given out of one budget to all members
together, so they stay those of the batch run; who was not in it has none yet.
"""

import shutil
from datetime import timedelta
from pathlib import Path
from threading import Lock

import numpy as np
import pandas as pd
import pyarrow
import yaml

from membership.base import engine, files, paths, stored, tables
from membership.base.errors import DataError
from membership.data import features, purchases
from membership.pipeline import request
from membership.profile import lifecycle
from membership.recommend import baskets, model, policies, policy, train
from membership.repurchase import candidates, purchase_days
from membership.repurchase import score as forecasts
from membership.settings import params
from membership.tiers import points, qualifying, rules
from membership.value import score

CLASSES = (*score.STORED, *candidates.STORED, forecasts.Forecast, lifecycle.Borders, rules.Rule)
MODELS = ("worth", "repurchase", "stages", "tiers")  # what the batch run leaves under models/; every scorer takes it
WORTH = ("value", "value_low", "value_high", "p_repurchase", "p_horizon", "residual_value")
TIER = ("tier", "next_tier", "to_next", "spend_to_next", "points")
ITEM = ("rank", "item_id", "name", "score", "source", "reason")
COLUMNS = ("member_id", "answered_from", "as_of", *WORTH, "stage", *TIER, "benefits", "items")
_TYPES = {"str": "VARCHAR", "int64": "BIGINT", "datetime64[us]": "TIMESTAMP"}


def pack(folder: Path) -> None:
    """Put into `folder` what every scorer takes, whatever it recommends by; `pack_policy` adds the rest.

    Raises DataError, naming the file, where a stage has not left what is needed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    p = params.parse(params.read())
    shutil.copy(paths.root() / "params.yaml", folder / "params.yaml")
    for name in MODELS:
        stored.load(paths.models(name), CLASSES)  # a broken one is found now
        shutil.copytree(paths.models(name), folder / name)
    items = tables.read("items")
    lines = baskets.history_lines(_products(items), p.windows.as_of, p.recommend)
    lines.to_parquet(folder / "baskets.parquet", index=False)
    known = np.union1d(lines["item_id"], tables.read("recommendations")["item_id"])
    items[items["item_id"].isin(known)].to_parquet(folder / "items.parquet", index=False)
    tables.read("members")[["member_id", "joined_at"]].to_parquet(folder / "members.parquet", index=False)
    _answers().to_parquet(folder / "answers.parquet", index=False)


def pack_policy(folder: Path, arm: str, live: dict) -> None:
    """Add to `folder` the policy `live` (`policy` and `settings`), which was `arm` of the evaluation.

    `arm` is `champion` or `challenger`, whose rows of table `recommendations` answer for known members.
    """
    files.write_json(folder / "policy.json", live)
    if live["policy"] == "model":
        model.save(_trained(live["settings"]), folder / "next_basket")
    listed = tables.read("recommendations")
    listed[listed["policy"] == arm].drop(columns="policy").to_parquet(folder / "recommendations.parquet", index=False)


def example(folder: Path) -> pd.DataFrame:
    """Return a request to the scorer in `folder`: one member by id, and one of whom two purchases are sent."""
    known = pd.read_parquet(folder / "answers.parquet", columns=["member_id"])["member_id"]
    items = pd.read_parquet(folder / "items.parquet", columns=["item_id"])["item_id"].head(2).tolist()
    p = params.parse(yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8")))
    days = [p.windows.as_of - timedelta(days=back) for back in (20, 6)]
    events = [
        {"kind": purchases.PURCHASE, "local_at": f"{day}T10:00:00", "item_id": item, "amount": 499}
        for day, item in zip(days, items, strict=False)
    ]
    return pd.DataFrame({"member_id": [known.iloc[0], "somebody new"], "events": [None, events]})


def _trained(settings: dict) -> model.NextBasket:
    """Return the model with `settings`: the one that stage train left, or, where its are others, one made as there."""
    left, asked = model.load(paths.models("next_basket")), model.Settings(**settings)
    if left.settings == asked:
        return left
    p, items = params.parse(params.read()), tables.read("items")
    data = train.samples(_products(items), items, p.windows.as_of, p.recommend, p.train, p.seed)
    return train.fit(data, asked, p.train, p.seed, p.device).model


def _products(items: pd.DataFrame):
    return baskets.of_products(engine.load(engine.connect(), "events"), items)


def _answers() -> pd.DataFrame:
    """Return what the batch run says of every member but the items: one row a member."""
    worth, stage = tables.read("value")[["member_id", *WORTH]], tables.read("profile")[["member_id", "stage"]]
    found = worth.merge(stage, on="member_id").merge(tables.read("tiers")[["member_id", *TIER]], on="member_id")
    given = tables.read("allocations").groupby("member_id")["benefit"].agg(list)
    return found.assign(benefits=[given.get(member, []) for member in found["member_id"]])


class Scorer:
    """Answers requests from what `pack` put into a folder; safe to call from several threads."""

    def __init__(self, folder: Path):
        self.p = params.parse(yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8")))
        self.as_of = self.p.windows.as_of
        items, answers = pd.read_parquet(folder / "items.parquet"), pd.read_parquet(folder / "answers.parquet")
        known = self._objects(answers.set_index("member_id"), "batch")
        self._known = {one["member_id"]: one for one in known}
        self._lists = _lists(pd.read_parquet(folder / "recommendations.parquet"), items)
        self._sent = _Sent(folder, self.p, items)

    def answer(self, rows: pd.DataFrame, k: int) -> list[dict]:
        """Return an object with COLUMNS for each of `rows` (see `request`), in the order asked.

        Amounts are in cents; value and its interval cover `value.horizon_days` from as_of. `answered_from` is `batch`,
        or `events` where these were sent; `benefits` is a list of names, `items` one of at most `k` objects with ITEM,
        the best first. Raises DataError, in words, for what cannot be answered.
        """
        k, asked = request.top(k, self.p.recommend.k), request.read(rows, self.as_of, self.p.clean)
        members = list(zip(asked.members.tolist(), asked.sent.tolist(), strict=True))
        if unknown := [member for member, sent in members if not sent and member not in self._known]:
            shown = ", ".join(unknown[:5])
            raise DataError(
                f"unknown members: {shown}; they are not in the batch run as of {self.as_of}: send their `events`."
            )
        found = {}
        if asked.sent.any():
            found = {one["member_id"]: one for one in self._objects(self._sent.answer(asked, k), "events")}
        return [found[member] if sent else self._from_batch(member, k) for member, sent in members]

    def _from_batch(self, member: str, k: int) -> dict:
        return self._known[member] | {"items": self._lists.get(member, [])[:k]}

    def _objects(self, found: pd.DataFrame, origin: str) -> list[dict]:
        """Return what was `found`, by member_id, as objects; benefits not given with it are those of the batch run."""
        benefits = found["benefits"] if "benefits" in found else map(self._benefits, found.index)
        whole = found.assign(
            benefits=[list(one) for one in benefits],
            answered_from=origin,
            as_of=str(self.as_of),
            next_tier=found["next_tier"].astype(object).where(found["next_tier"].notna(), None),
        )
        there = [name for name in COLUMNS if name in whole or name == "member_id"]
        return whole.rename_axis("member_id").reset_index()[there].to_dict("records")

    def _benefits(self, member: str) -> list[str]:
        return self._known[member]["benefits"] if member in self._known else []


class _Sent:
    """Answers for members from the events that are sent of them, by the functions of the batch run."""

    def __init__(self, folder: Path, p, items: pd.DataFrame):
        self._p, self._items, self._lock = p, items, Lock()
        self._worth, self._forecast, self._borders, self._rule = (
            stored.load(folder / name, CLASSES) for name in MODELS
        )
        self._joined = pd.read_parquet(folder / "members.parquet").set_index("member_id")["joined_at"]
        redeems = points.redeemers(len(self._joined), p.tiers, p.seed)
        self._redeems = pd.Series(redeems, self._joined.index.sort_values())
        lines, live = pd.read_parquet(folder / "baskets.parquet"), files.read_json(folder / "policy.json")
        self._known = baskets.of_lines(lines, np.unique(lines["item_id"].to_numpy(dtype=str)), p.windows.as_of)
        if live["policy"] == "model":
            self._policy = policy.ready(model.load(folder / "next_basket"), self._known, items, p)
        else:
            self._policy = policies.ready(live["policy"], live["settings"], self._known, items, p.seed)
        self._prepare()

    def _prepare(self) -> None:
        """Make the queries, over two tables that hold what the request at hand brings."""
        p, con = self._p, engine.connect()
        columns = [f'"{name}" {_TYPES[column.dtype]}' for name, column in tables.ALL["events"].columns.items()]
        con.con.register("incoming", pyarrow.table({"item_id": self._known.items.tolist()}))
        for statement in (
            f"CREATE TABLE events ({', '.join(columns)})",
            "CREATE TABLE members (member_id VARCHAR)",
            "CREATE TABLE catalogue AS SELECT item_id FROM incoming",
            "SET threads = 1",  # a request is small
        ):
            con.con.execute(statement).fetchall()
        events, as_of, self._con = con.table("events"), p.windows.as_of, con
        months = lifecycle.month_starts(p.windows)
        self._features = engine.Prepared(con, features.at(events, con.table("members"), as_of))
        self._days = engine.Prepared(con, purchase_days.active_days(events, as_of, p.economics.activity_kinds))
        self._lines = engine.Prepared(con, baskets.lines(events, con.table("catalogue"), as_of, p.recommend))
        self._qualifying = qualifying.Replayed(events, months, p.tiers, lambda table: engine.Prepared(con, table))

    def answer(self, asked: request.Request, k: int) -> pd.DataFrame:
        """Return what WORTH, `stage`, TIER and `items` are of the members who sent events, by member_id."""
        members = pd.Series(np.sort(asked.members[asked.sent]), dtype="str")
        with self._lock:
            self._load(asked.events, members)
            known, days, lines = self._features(), self._days(), self._lines()
            qualified = self._qualifying.of(members)
        known = known.set_index("member_id").sort_index()
        joined = self._joined_at(asked).reindex(known.index)
        chances = self._chances(days, joined)
        worth = self._worth.forecast(known, chances, self._p.value, self._p.economics)[list(WORTH)]
        found = worth.assign(stage=self._stages(days, joined))
        found = found.join(self._standing(*qualified).set_index("member_id")[list(TIER)])
        return found.assign(items=self._recommended(members.to_numpy(dtype=str), lines, k))

    def _load(self, events: pd.DataFrame, members: pd.Series) -> None:
        """Let the two tables hold what is asked now."""
        for name, frame in (("events", events), ("members", members.to_frame("member_id"))):
            self._con.con.register("incoming", pyarrow.Table.from_pandas(frame, preserve_index=False))
            self._con.con.execute(f"DELETE FROM {name}").fetchall()
            self._con.con.execute(f"INSERT INTO {name} BY NAME SELECT * FROM incoming").fetchall()

    def _joined_at(self, asked: request.Request) -> pd.Series:
        """Return when each member of a request joined: as it says, or else as the batch run knew."""
        return asked.joined_at.fillna(self._joined.reindex(asked.joined_at.index))

    def _chances(self, days: pd.DataFrame, joined: pd.Series) -> pd.DataFrame:
        windows, spans = self._p.windows, (self._p.economics.repurchase_days, self._p.value.horizon_days)
        history = purchase_days.of(days, joined, windows.start)
        found = self._forecast.chances(history, purchase_days.number(windows.as_of), spans)
        return found.set_axis(["p_repurchase", "p_horizon"], axis=1)

    def _stages(self, days: pd.DataFrame, joined: pd.Series) -> pd.Series:
        windows = self._p.windows
        history = purchase_days.of(days, joined, windows.start, "active")
        return self._borders.stages(history, purchase_days.number(windows.as_of), self._p.lifecycle)["stage"]

    def _standing(self, amounts: pd.DataFrame, ahead: pd.Series, earning: qualifying.Earning) -> pd.DataFrame:
        settings, ranks = self._p.tiers, rules.replay(amounts, self._rule)
        # who redeems is drawn for the batch run's members; of others nothing is assumed to be redeemed
        redeems = self._redeems.reindex(amounts.index, fill_value=False).to_numpy()
        claim = points.vouchers(redeems, settings.redeem_at)
        books = points.keep(*points.earned(earning, ranks), claim, settings.points_expire_days)
        return rules.standing(ranks, amounts, books.last, self._rule, settings, ahead)

    def _recommended(self, members: np.ndarray, lines: pd.DataFrame, k: int) -> list[list[dict]]:
        now = self._policy(baskets.of_lines(lines, self._known.items, self._p.windows.as_of))
        lists = _lists(policy.listed(now, self._items, members, k))
        return [lists.get(member, []) for member in members]


def _lists(listed: pd.DataFrame, items: pd.DataFrame | None = None) -> dict[str, list[dict]]:
    """Return the items on each member's list as objects of ITEM, the best first; `items` gives missing names."""
    if items is not None:
        listed = listed.merge(items[["item_id", "name"]], on="item_id", how="left").sort_values(["member_id", "rank"])
    members = listed["member_id"].tolist()
    found: dict[str, list[dict]] = {member: [] for member in members}
    for member, item in zip(members, listed[list(ITEM)].to_dict("records"), strict=True):
        found[member].append(item)
    return found
