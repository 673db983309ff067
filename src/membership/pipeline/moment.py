"""What is known of members on a day, from their events and the models that stand: the one way in which they are scored.

A `Moment` belongs to a day. It is given events up to that day, of some members or of all, and says what a batch run
scored as of that day would have said, with all that is learned from other members as it was when the models were made.
"""

from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from threading import Lock

import numpy as np
import pandas as pd
import pyarrow
import yaml

from membership.base import engine, files, stored, tables
from membership.data import features
from membership.data.standing import Book
from membership.profile import lifecycle
from membership.recommend import baskets, model, names, policies
from membership.recommend.policy import Recommender
from membership.recommend.rules import Beside
from membership.repurchase import anyway, candidates, purchase_days
from membership.repurchase import score as forecasts
from membership.settings import params
from membership.settings.params import Stage
from membership.tiers import effects, points, qualifying, rules
from membership.value import opportunities, score

CLASSES = (*score.STORED, *candidates.STORED, forecasts.Forecast, lifecycle.Borders, rules.Rule)
HAD = "had.parquet"
MODELS = ("worth", "repurchase", "stages", "tiers")  # what the batch run leaves under models/; every scorer takes it
_TYPES = {"str": "VARCHAR", "int64": "BIGINT", "float64": "DOUBLE", "bool": "BOOLEAN", "datetime64[us]": "TIMESTAMP"}


def pack_had(folder: Path, exposures: pd.DataFrame, offers: pd.DataFrame, p: Stage) -> None:
    """Put into `folder` who had benefits, by the programme's own log: see `repurchase.anyway`."""
    had = anyway.given(exposures, offers, p.campaigns.evidence, p.benefits.catalogue, p.dataset.timezone)
    had.to_parquet(folder / HAD, index=False)


class Standing:
    """The models that stand, read once from a folder that `scorer.pack` and `scorer.pack_policy` made.

    `policy_folder`: where the policy is, of another arm than the folder's own.
    """

    def __init__(self, folder: Path, policy_folder: Path | None = None):
        self.p: Stage = params.parse(yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8")))
        self.worth, self.forecast, self.borders, self.rule = (stored.load(folder / name, CLASSES) for name in MODELS)
        self.items = pd.read_parquet(folder / "items.parquet")
        people = pd.read_parquet(folder / "members.parquet")
        self._beside = Beside(people, pd.read_parquet(folder / "item_rules.parquet"))
        members = people.set_index("member_id")
        self.joined, self._shift = members["joined_at"], members["shift"]
        self.contracts = Book.of(pd.read_parquet(folder / "contracts.parquet"))
        self.had = pd.read_parquet(folder / HAD)
        redeems = points.redeemers(len(self.joined), self.p.tiers, self.p.seed)
        self.redeems = pd.Series(redeems, self.joined.index.sort_values())
        self._known = pd.read_parquet(folder / "catalogue.parquet").set_index("item_id")["since"]
        self._lines, self.live = (
            pd.read_parquet(folder / "baskets.parquet"),
            files.read_json((policy_folder or folder) / "policy.json"),
        )
        self._folder = policy_folder or folder

    def shifts(self, members: pd.Index) -> np.ndarray:
        """Return by how much each member's thresholds are off: see `effects.shifts`."""
        known = self._shift.reindex(members).to_numpy()
        return known if not np.isnan(known).any() else np.where(
            np.isnan(known), effects.shifts(members, self.p.tiers), known
        )  # fmt: skip

    @cached_property
    def market(self) -> baskets.Baskets:
        """The baskets of all members, from which the policy has learned."""
        return baskets.of_catalogue(self._lines, self._known, self.p.windows.as_of)

    @cached_property
    def policy(self):
        """The live policy: a function from histories, of the catalogue of `market`, to who recommends to them."""
        name, settings = self.live["policy"], self.live["settings"]
        network = model.load(self._folder / "next_basket") if name in names.LEARNED else None
        return policies.with_network(name, settings, network, self.market, self.items, self.p, self._beside)


@dataclass(frozen=True)
class Known:
    """What is known of members on a day; frames are indexed by member_id, sorted.

    `features`: as table `features`. `worth`: the columns of `value.score.Worth.forecast`, and next_order_days as in
    table `repurchase`. `stage`. `tiers`: as table `tiers`. `recommender`: of the live policy, for these members.
    """

    features: pd.DataFrame
    worth: pd.DataFrame
    stage: pd.Series
    tiers: pd.DataFrame
    recommender: Recommender


class Moment:
    """Says what is known of members on `day`; to be asked from several threads."""

    def __init__(self, standing: Standing, day: date):
        """Make the queries, over two tables that hold what is asked at the time; that takes a second or two."""
        self._standing, self.day, self._lock = standing, day, Lock()
        self._windows = standing.p.windows.model_copy(update={"as_of": day})
        p, con = standing.p, engine.connect()
        columns = [f'"{name}" {_TYPES[column.dtype]}' for name, column in tables.ALL["events"].columns.items()]
        con.con.register("incoming", pyarrow.table({"item_id": standing.market.items.tolist()}))
        for statement in (
            f"CREATE TABLE events ({', '.join(columns)})",
            "CREATE TABLE members (member_id VARCHAR)",
            "CREATE TABLE catalogue AS SELECT item_id FROM incoming",
            "SET threads = 1",  # a request is small
        ):
            con.con.execute(statement).fetchall()
        events, self._con = con.table("events"), con
        months = lifecycle.month_starts(self._windows)
        self._features = engine.Prepared(con, features.at(events, con.table("members"), day))
        self._days = engine.Prepared(con, purchase_days.active_days(events, day, p.economics.activity_kinds))
        self._lines = engine.Prepared(con, baskets.lines(events, con.table("catalogue"), day, p.recommend))
        in_cart = p.recommend.rules.in_cart
        self._carts = engine.Prepared(con, baskets.in_carts(events, day, in_cart.days)) if in_cart else lambda: None
        rounds = opportunities.asked(p.value)
        self._rounds = engine.Prepared(con, opportunities.at(events, day, p.value)) if rounds else None
        self._qualifying = qualifying.Replayed(events, months, p.tiers, lambda table: engine.Prepared(con, table))

    def of(self, events: pd.DataFrame, joined_at: pd.Series) -> Known:
        """Return what is known of the members of `joined_at` (member_id -> time, null where unknown).

        `events`: all that these members did, with columns of table `events`; what is not before the day is not seen.
        Each member's part is a function of that member's events alone.
        """
        joined, standing = joined_at.sort_index(), self._standing
        members = pd.Series(joined.index, dtype="str")
        with self._lock:
            self._load(events, members)
            known, days, lines, carts = self._features(), self._days(), self._lines(), self._carts()
            known = opportunities.beside(known, self._rounds()) if self._rounds else known
            qualified = self._qualifying.of(members)
        known = known.set_index("member_id").sort_index()
        if standing.contracts:
            known = known.join(standing.contracts.standing(self.day, known.index))
        chances = self._chances(days, joined)
        worth = standing.worth.forecast(known, chances, standing.p.value, standing.p.economics)
        history = replace(baskets.of_lines(lines, standing.market.items, self.day, standing.market.since), carts=carts)
        return Known(
            known,
            worth.join(chances["next_order_days"]),
            self._stages(days, joined),
            self._tiers(*qualified).set_index("member_id").reindex(known.index),
            standing.policy(history),
        )

    def _load(self, events: pd.DataFrame, members: pd.Series) -> None:
        """Let the two tables hold what is asked now."""
        for name, frame in (("events", events), ("members", members.to_frame("member_id"))):
            self._con.con.register("incoming", pyarrow.Table.from_pandas(frame, preserve_index=False))
            self._con.con.execute(f"DELETE FROM {name}").fetchall()
            self._con.con.execute(f"INSERT INTO {name} BY NAME SELECT * FROM incoming").fetchall()

    def _chances(self, days: pd.DataFrame, joined: pd.Series) -> pd.DataFrame:
        p = self._standing.p
        steps, spans = np.arange(1, forecasts.AHEAD + 1), {"p_repurchase": p.economics.repurchase_days}
        spans |= {"p_horizon": p.value.horizon_days}
        history = purchase_days.of(days, joined, p.windows.start, contracts=self._standing.contracts)
        history = anyway.without(history, self._standing.had, p.economics.repurchase_days, p.seed)
        within = sorted({*steps, *spans.values()})
        found = self._standing.forecast.chances(history, purchase_days.number(self.day), within)
        chances = pd.DataFrame({name: found[days] for name, days in spans.items()})
        return chances.assign(next_order_days=forecasts.next_order_days(found[steps].to_numpy()))

    def _stages(self, days: pd.DataFrame, joined: pd.Series) -> pd.Series:
        p, borders = self._standing.p, self._standing.borders
        history = purchase_days.of(days, joined, p.windows.start, "active", self._standing.contracts)
        return borders.stages(history, purchase_days.number(self.day), p.lifecycle)["stage"]

    def _tiers(self, amounts: pd.DataFrame, ahead: pd.Series, earning: qualifying.Earning) -> pd.DataFrame:
        standing = self._standing
        settings = standing.p.tiers
        shifts = standing.shifts(amounts.index)
        ranks = rules.replay(amounts, standing.rule, shifts)
        # who redeems is drawn for the batch run's members; of others nothing is assumed to be redeemed
        redeems = standing.redeems.reindex(amounts.index, fill_value=False).to_numpy()
        claim = points.vouchers(redeems, settings.redeem_at)
        books = points.keep(*points.earned(earning, ranks), claim, settings.points_expire_days)
        return rules.standing(ranks, amounts, books.last, standing.rule, settings, ahead, shifts)
