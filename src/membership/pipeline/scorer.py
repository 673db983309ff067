"""The scorer: what the batch run knows of members, in one folder, and answers for them from it, at any later moment.

Known members are answered from the batch run's tables on its own day, and later from the events that it knew: they are
taken to have done nothing since. For members whose events are sent along these events count. Value, stage, tier, points
and items are what a batch run with these events on that day would have said, with all that is learned from other
members as it was (`moment`). Benefits are given out of one budget to all members together, so they stay those of the
batch run; who was not in it has none yet. A member in a live test gets what the own arm gives, and what was shown is in
the log of trials before it is answered; a benefit or a list on trial is applied here, an offered item or a threshold by
the batch run.

What members refused (table `consent`) holds here, too, whatever is sent along: who refused `offers` gets no benefit and
no items; `trials`: no arm, and no row in the log; `profiling`: neither benefits nor items, and of all that is said of a
member the tier and the points alone.

The day of an answer is that of the clock; for a member who did something on it already it is the next one, so that all
events count, and the chances are those of the days that follow.
"""

import json
import shutil
from collections import OrderedDict
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Lock

import numpy as np
import pandas as pd
import yaml

from membership.base import engine, files, paths, stored, tables
from membership.base.errors import DataError
from membership.base.schemas import MEANING
from membership.data import clean, consent, purchases
from membership.pipeline import masks, request
from membership.pipeline.moment import CLASSES, MODELS, Moment, Standing, pack_had
from membership.recommend import baskets, item_rules, model, names, personal, policies, policy, train
from membership.settings import params
from membership.tiers import effects
from membership.trials import log, register, serving

REFUSED = "refused.parquet"  # in the folder: who gets nothing of one's own
WORTH = ("value", "value_low", "value_high", "p_repurchase", "p_horizon", "residual_value")
TIER = ("tier", "next_tier", "to_next", "spend_to_next", "points")
ITEM = ("rank", "item_id", "name", "score", "source", "reason")
COLUMNS = (
    "member_id", "answered_from", "as_of", "model_age_days", *WORTH, "stage", *TIER, "benefits", "items",
)  # fmt: skip
_OWN, _POLICIES = "own", ("champion", "challenger")  # whose lists: the packed policy's, or the other one's
_READY = 4  # days whose queries are kept; another takes a second or two
_ROWS = 20_000  # of a group in the file of events, so that few are read for a member


def pack(folder: Path) -> None:
    """Put into `folder` what every scorer takes, whatever it recommends by; `pack_policy` adds the rest.

    Errors as of `pack_models`.
    """
    pack_models(folder)
    agreed = consent.stored()
    tried = register.read().without(consent.refused(agreed, consent.TRIALS))
    _answers(tried).to_parquet(folder / "answers.parquet", index=False)
    consent.personal(agreed).to_parquet(folder / REFUSED, index=False)
    as_of = params.parse(params.read()).windows.as_of
    serving.pack(folder, tried, as_of)
    events = _events(as_of)
    events.to_parquet(folder / "events.parquet", index=False, row_group_size=_ROWS)


def pack_models(folder: Path) -> None:
    """Put into `folder` what `moment.Standing` reads but the policy.

    Parameters, models, baskets, items, members, contracts and who had benefits.

    Raises DataError, naming the file, where a stage has not left what is needed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    p = params.parse(params.read())
    given = params.override(params.read(), {"clean.outlier_amount": clean.largest(tables.read("quality"))})
    whole = yaml.safe_dump(given, sort_keys=False, allow_unicode=True)  # with the preset of its field
    (folder / "params.yaml").write_text(whole, encoding="utf-8")
    for name in MODELS:
        stored.load(paths.models(name), CLASSES)  # a broken one is found now
        shutil.copytree(paths.models(name), folder / name)
    items = tables.read("items")
    events = _products(p, items)
    lines = baskets.history_lines(events, p.windows.as_of, p.recommend)
    lines.to_parquet(folder / "baskets.parquet", index=False)
    catalogue = baskets.catalogue(lines, events, p.windows.as_of, p.recommend, items)
    catalogue.reset_index().to_parquet(folder / "catalogue.parquet", index=False)
    known = np.union1d(catalogue.index, tables.read("recommendations")["item_id"])
    ruled = tables.read("item_rules")
    ruled.to_parquet(folder / "item_rules.parquet", index=False)
    named = [*p.recommend.rules.blocked, *p.recommend.rules.pinned, *ruled["item_id"]]
    known = np.union1d(known, np.array(named, dtype=str))
    items[items["item_id"].isin(known)].to_parquet(folder / "items.parquet", index=False)
    members = tables.read("members")
    asked = [*personal.columns(p.recommend.rules), *item_rules.columns(ruled)]
    kept = [name for name in asked if name in members]
    members = members[list(dict.fromkeys(["member_id", "joined_at", *kept]))]
    shift = effects.shifts(pd.Index(members["member_id"]), p.tiers)  # a hash of the id, which a scorer does not know
    members.assign(shift=shift).to_parquet(folder / "members.parquet", index=False)
    tables.read("contracts").to_parquet(folder / "contracts.parquet", index=False)
    pack_had(folder, tables.read("exposures"), tables.read("offers"), p)


def pack_policy(folder: Path, arm: str, live: dict, other: dict | None = None) -> None:
    """Add to `folder` the policy `live` (`policy` and `settings`), which was `arm` of the evaluation.

    `arm` is `champion` or `challenger`, whose rows of table `recommendations` answer for known members. `other` is the
    policy of the other one; it is added where a trial gives some members its lists.
    """
    opposite = "challenger" if arm == "champion" else "champion"
    declared = serving.Serving(folder).trials.values()
    if other is not None and any(trial.what == "list" and opposite in trial.gives.values() for trial in declared):
        _pack_one(folder / opposite, opposite, other)
    _pack_one(folder, arm, live)


def _pack_one(folder: Path, arm: str, live: dict) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    files.write_json(folder / "policy.json", live)
    if live["policy"] in names.LEARNED:
        asked = policies.of_network(live["policy"], live["settings"])
        model.save(_trained(asked), folder / "next_basket")
    listed = tables.read("recommendations")
    listed[listed["policy"] == arm].drop(columns="policy").to_parquet(folder / "recommendations.parquet", index=False)


def example(folder: Path) -> pd.DataFrame:
    """Return a request to the scorer in `folder`: one member by id, and one of whom two purchases are sent."""
    known = pd.read_parquet(folder / "answers.parquet", columns=["member_id"])["member_id"]
    first = masks.Door(folder).outside(known.iloc[0])
    items = pd.read_parquet(folder / "items.parquet", columns=["item_id"])["item_id"].head(2).tolist()
    p = params.parse(yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8")))
    days = [p.windows.as_of - timedelta(days=back) for back in (20, 6)]
    events = [
        {"kind": purchases.PURCHASE, "local_at": f"{day}T10:00:00", "item_id": item, "amount": 499}
        for day, item in zip(days, items, strict=False)
    ]
    return pd.DataFrame({"member_id": [first, "somebody new"], "events": [None, events]})


def _trained(asked: model.Settings) -> model.NextBasket:
    """Return the model as `asked`: the one that stage train left, or, where its settings are others, one made there."""
    left = model.load(paths.models("next_basket"))
    if left.settings == asked:
        return left
    p, items = params.parse(params.read()), tables.read("items")
    data = train.samples(_products(p, items), items, p.windows.as_of, p.recommend, p.train, p.seed)
    return train.fit(data, asked, p.train, p.seed, p.device).model


def _products(p: params.Stage, items: pd.DataFrame):
    return baskets.of_products(engine.load(engine.connect(p.engine), "events"), items)


def _events(as_of: date) -> pd.DataFrame:
    """Return what a request may hold of every event before `as_of`, each member's together."""
    events = tables.read("events")[["member_id", *request.FIELDS, *MEANING]]
    return events[events["local_at"] < pd.Timestamp(as_of)].sort_values(["member_id", "local_at"], kind="stable")


def _answers(tried: register.Register) -> pd.DataFrame:
    """Return what the batch run says of every member but the items: one row a member."""
    worth, stage = tables.read("value")[["member_id", *WORTH]], tables.read("profile")[["member_id", "stage"]]
    found = worth.merge(stage, on="member_id").merge(tables.read("tiers")[["member_id", *TIER]], on="member_id")
    allocations = register.withhold(tables.read("allocations"), tried.rows)
    given = allocations.groupby("member_id")["benefit"].agg(list)
    return found.assign(benefits=[given.get(member, []) for member in found["member_id"]])


class Scorer:
    """Answers requests from what `pack` put into a folder; safe to call from several threads."""

    def __init__(self, folder: Path):
        self._standing, self._folder, self._door = Standing(folder), folder, masks.Door(folder)
        self.p = self._standing.p
        self.as_of = self.p.windows.as_of
        self._moments: OrderedDict[tuple[date, str], Moment] = OrderedDict()
        self._lock = Lock()
        self._refused = pd.read_parquet(folder / REFUSED).set_index("member_id")["profiling"].to_dict()
        answers = pd.read_parquet(folder / "answers.parquet").set_index("member_id")
        self._benefits = answers["benefits"].map(list).to_dict()
        self._known = self._objects(answers, "batch", self.as_of)
        self._lists = {_OWN: _lists(pd.read_parquet(folder / "recommendations.parquet"), self._standing.items)}
        self._policies = {_OWN: self._standing}
        self._trials, self._log = serving.Serving(folder), None
        for arm in _POLICIES:
            if (folder / arm).exists():
                self._policies[arm] = Standing(folder, folder / arm)
                self._lists[arm] = _lists(
                    pd.read_parquet(folder / arm / "recommendations.parquet"), self._standing.items
                )
        if self._trials.trials:
            self._log = log.Log(self.p.trials.log)
        self._moment(self.as_of, _OWN)  # the first request need not wait for it

    def answer(self, rows: pd.DataFrame, k: int, now: str | None = None, request_id: str | None = None) -> list[dict]:
        """Return an object with COLUMNS for each of `rows` (see `request`), in the order asked.

        `now`: the clock, an ISO time on the members' wall clock; without one it stands at as_of. Amounts are in cents;
        value and its interval cover `value.horizon_days` from the answer's `as_of`; they, the chances and the stage are
        null for who refused profiling. `answered_from` is `batch`, or
        `events` where these were sent; `model_age_days` the days since the models were made; `benefits` is a list of
        names, `items` one of at most `k` objects with ITEM, the best first. `request_id`: of what was asked, so that a
        request that is sent again is logged once; one is made where there is none. Raises DataError, in words, for what
        cannot be answered, and where what is shown in a trial cannot be logged.
        """
        k, clock = request.top(k, self.p.recommend.k), request.clock(now, self.as_of)
        request_id = request.own_id(request_id)
        asked = request.read(rows, clock, self.p.clean, self.p.economics).named(self._door.inside)
        members = list(zip(asked.members.tolist(), asked.sent.tolist(), strict=True))
        if unknown := [member for member, sent in members if not sent and member not in self._known]:
            shown = ", ".join(unknown[:5])
            raise DataError(
                f"unknown members: {shown}; they are not in the batch run as of {self.as_of}: send their `events`."
            )
        found = self._anew(asked.events, asked.joined_at, "events", clock.date(), k) if asked.sent.any() else {}
        silent = [member for member, sent in members if not sent]
        if silent and clock.date() > self.as_of:
            past = pd.read_parquet(self._folder / "events.parquet", filters=[("member_id", "in", silent)])
            joined = pd.Series(pd.NaT, pd.Index(silent, dtype="str", name="member_id"), dtype="datetime64[us]")
            found |= self._anew(past, joined, "batch", clock.date(), k)
        day = clock.date()
        answers = [found[member] if member in found else self._from_batch(member, k, day) for member, _ in members]
        answers = self._in_trials([self._allowed(answer) for answer in answers], clock, request_id)
        return [answer | {"member_id": self._door.outside(answer["member_id"])} for answer in answers]

    def _from_batch(self, member: str, k: int, day: date) -> dict:
        return self._known[member] | {"items": self._lists[self._policy(member, day)].get(member, [])[:k]}

    def _policy(self, member: str, day: date) -> str:
        """Return whose lists a member gets on `day`: the arm's, where one is on lists, else the own ones."""
        given = self._trials.policy(self._trials.of(member, day))
        return given if given in self._policies else _OWN

    def _allowed(self, answer: dict) -> dict:
        """Return of an answer what its member did not refuse."""
        member = answer["member_id"]
        if member not in self._refused:
            return answer
        untold = dict.fromkeys((*WORTH, "stage")) if self._refused[member] else {}
        return answer | untold | {"benefits": [], "items": []}

    def _in_trials(self, answers: list[dict], clock: datetime, request_id: str) -> list[dict]:
        """Return `answers` with the benefits that arms give; what is shown in a trial is logged first.

        Who gets nothing of one's own is shown nothing, so there is nothing to log.
        """
        if self._log is None:
            return answers
        version, rows = f"{self._standing.live['policy']} {self.as_of}", []
        for place, plain in enumerate(answers):
            arms = self._trials.of(plain["member_id"], clock.date())
            if arms and plain["member_id"] not in self._refused:
                answer = plain | {"benefits": self._trials.benefits(plain["benefits"], arms)}
                answers[place] = answer
                listed = [item["item_id"] for item in answer["items"]]
                shown = json.dumps({"items": listed, "benefits": answer["benefits"]})
                day = date.fromisoformat(answer["as_of"])
                rows += self._trials.rows(
                    request_id, self._door.outside(answer["member_id"]), arms, shown, day, clock, version
                )
        self._log.append(rows)
        return answers

    def _anew(self, events: pd.DataFrame, joined_at: pd.Series, origin: str, clock: date, k: int) -> dict[str, dict]:
        """Return the answers for the members of `joined_at` from their `events`, by member_id."""
        joined = joined_at.fillna(self._standing.joined.reindex(joined_at.index))
        days, found = _days(events, joined.index, clock), {}
        policies = [self._policy(member, clock) for member in days.index]
        for (day, whose), members in days.groupby([days.to_numpy(), policies]).groups.items():
            own = events[events["member_id"].isin(members)]
            known = self._moment(day, whose).of(own, joined.reindex(members))
            frame = known.worth.assign(stage=known.stage).join(known.tiers)[[*WORTH, "stage", *TIER]]
            ids = frame.index.to_numpy(dtype=str)
            lists = _lists(policy.listed(known.recommender, self._standing.items, ids, k))
            frame = frame.assign(items=[lists.get(member, []) for member in ids])
            found |= self._objects(frame, origin, day)
        return found

    def _moment(self, day: date, whose: str) -> Moment:
        with self._lock:
            if (day, whose) not in self._moments:
                self._moments[day, whose] = Moment(self._policies[whose], day)
                while len(self._moments) > _READY:
                    self._moments.popitem(last=False)
            self._moments.move_to_end((day, whose))
            return self._moments[day, whose]

    def _objects(self, found: pd.DataFrame, origin: str, day: date) -> dict[str, dict]:
        """Return what was `found` as of `day`, by member_id, as objects; benefits are those of the batch run."""
        whole = found.assign(
            benefits=[self._benefits.get(member, []) for member in found.index],
            answered_from=origin,
            as_of=str(day),
            model_age_days=(day - self.as_of).days,
            next_tier=found["next_tier"].astype(object).where(found["next_tier"].notna(), None),
        )
        there = [name for name in COLUMNS if name in whole or name == "member_id"]
        rows = whole.rename_axis("member_id").reset_index()[there].to_dict("records")
        return {one["member_id"]: one for one in rows}


def _days(events: pd.DataFrame, members: pd.Index, clock: date) -> pd.Series:
    """Return of each of `members` the day up to which events count: that of the clock, or the one after the last."""
    last = events.groupby("member_id")["local_at"].max() if len(events) else pd.Series(dtype="datetime64[us]")
    after = last.dt.normalize() + pd.Timedelta(days=1)
    return after.reindex(members).clip(lower=pd.Timestamp(clock)).fillna(pd.Timestamp(clock)).dt.date


def _lists(listed: pd.DataFrame, items: pd.DataFrame | None = None) -> dict[str, list[dict]]:
    """Return the items on each member's list as objects of ITEM, the best first; `items` gives missing names."""
    if items is not None:
        listed = listed.merge(items[["item_id", "name"]], on="item_id", how="left").sort_values(["member_id", "rank"])
    members = listed["member_id"].tolist()
    found: dict[str, list[dict]] = {member: [] for member in members}
    for member, item in zip(members, listed[list(ITEM)].to_dict("records"), strict=True):
        found[member].append(item)
    return found
