"""The scorer answers as the batch run did, for ids and for the same events, and refuses in words what it cannot."""

import json
import shutil
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
import small_batch
import yaml

from membership.base import engine, paths, stored, tables
from membership.base.errors import DataError
from membership.data import clean, features
from membership.pipeline import scorer
from membership.profile import lifecycle
from membership.recommend import baskets, model, policies, policy, stack
from membership.recommend.peers.registry import PEERS
from membership.repurchase import purchase_days
from membership.settings import params
from membership.settings.trials import Trials
from membership.tiers import points, qualifying, rules
from membership.trials import assign, log, register, serving

ARMS = {"champion": {"policy": "gp_topfreq", "settings": {}}, "challenger": {"policy": "model"}}
CENTS = 1e-6  # a value may differ by that: sums over members are put together in another order


def packed(folder, arm, live=None):
    live = live or ARMS[arm]
    if live["policy"] == "model" and "settings" not in live:
        live = live | {"settings": json.loads(paths.models("tuned.json").read_text())["settings"]}
    scorer.pack(folder)
    scorer.pack_policy(folder, arm, live)
    return scorer.Scorer(folder)


def ask(ready, rows, k, now=None) -> pd.DataFrame:
    return pd.DataFrame(ready.answer(rows, k, now), columns=list(scorer.COLUMNS))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("scorers")


@pytest.fixture(scope="module", params=ARMS)
def arm(request):
    return request.param


@pytest.fixture(scope="module")
def ready(batch, folder, arm):
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MEMBERSHIP_ROOT", str(batch))
        return packed(folder / arm, arm)


@pytest.fixture(scope="module")
def champion(batch, folder):
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MEMBERSHIP_ROOT", str(batch))
        return packed(folder / "alone", "champion")


@pytest.fixture(autouse=True)
def root(batch, monkeypatch):
    monkeypatch.setenv("MEMBERSHIP_ROOT", str(batch))


def sent(members, before) -> pd.DataFrame:
    """A request with all that the batch run knows of `members`."""
    events = tables.read("events")
    events = events[events["local_at"] < pd.Timestamp(before)]
    fields = ["kind", "item_id", "order_id", "channel", "quantity", "amount", "discount"]
    rows = events[fields].astype(object).where(events[fields].notna(), None)
    rows["local_at"] = events["local_at"].map(pd.Timestamp.isoformat)
    lists = [rows[events["member_id"] == member].to_dict("records") for member in members]
    return pd.DataFrame({"member_id": members, "events": lists})


def everybody() -> list[str]:
    return tables.read("members")["member_id"].tolist()


def bought(days_ago=10, **changed) -> dict:
    at = pd.Timestamp("2017-12-01") - pd.Timedelta(days=days_ago)
    return {"kind": "purchase", "local_at": at.isoformat(), "item_id": "i1", "amount": 500} | changed


def asked(events, member="somebody new", **more) -> pd.DataFrame:
    return pd.DataFrame({"member_id": [member], "events": [events], **{name: [value] for name, value in more.items()}})


def test_known_ids_are_answered_as_the_batch_run_did(ready, arm):
    members = everybody()[::-1]
    answer = ask(ready, pd.DataFrame({"member_id": members}), 5)
    assert answer["member_id"].tolist() == members and (answer["answered_from"] == "batch").all()
    for table, columns in (("value", scorer.WORTH), ("profile", ["stage"]), ("tiers", scorer.TIER)):
        stored_rows = tables.read(table).set_index("member_id").loc[members]
        for column in columns:
            same = answer[column].to_numpy() == stored_rows[column].to_numpy()
            assert (same | (answer[column].isna() & stored_rows[column].isna().to_numpy())).all(), column
    listed = tables.read("recommendations")
    listed = listed[listed["policy"] == arm].sort_values(["member_id", "rank"])
    for member, items in zip(members, answer["items"], strict=True):
        own = listed[listed["member_id"] == member]
        for column in ("rank", "item_id", "score", "source", "reason"):
            assert [item[column] for item in items] == own[column].tolist()
    assert answer.set_index("member_id")["benefits"].loc[everybody()[0]] == ["points_boost"]


def test_the_same_events_sent_give_the_same_answers(ready):
    members = everybody()
    known = ask(ready, pd.DataFrame({"member_id": members}), 5)
    answer = ask(ready, sent(members, ready.as_of), 5)
    assert (answer["answered_from"] == "events").all()
    for column in scorer.WORTH:
        np.testing.assert_allclose(answer[column], known[column], rtol=1e-9, atol=CENTS)
    for column in ("stage", *scorer.TIER, "benefits", "items"):
        left, right = answer[column].tolist(), known[column].tolist()
        assert left == right or pd.DataFrame({"a": left, "b": right}).fillna("none").eval("a == b").all(), column
    assert {"prospect"} < set(answer["stage"]) or len(set(answer["stage"])) > 2


def test_an_answer_does_not_depend_on_other_members_of_the_request(ready):
    members = everybody()[:12]
    together = ask(ready, sent(members, ready.as_of), 5).set_index("member_id")
    for member in members[::4]:
        alone = ask(ready, sent([member], ready.as_of), 5).set_index("member_id")
        assert alone.loc[member, "items"] == together.loc[member, "items"]
        assert alone.loc[member, "value"] == pytest.approx(together.loc[member, "value"], rel=1e-12)
        assert alone.loc[member, "tier"] == together.loc[member, "tier"]


def test_further_events_change_what_they_should(champion):
    member = everybody()[3]
    before = ask(champion, pd.DataFrame({"member_id": [member]}), 5).iloc[0]
    more = sent([member], champion.as_of)
    more["events"].iloc[0].extend(bought(back, amount=50_000, order_id=f"new {back}") for back in (3, 9))
    after = ask(champion, more, 5).iloc[0]
    assert after["value"] > before["value"]
    assert (after["tier"], after["next_tier"], after["to_next"]) == ("Platinum", None, 0)


def test_who_did_nothing_is_a_prospect_worth_nothing_who_gets_what_sells(champion):
    answer = ask(champion, asked([]), 3).iloc[0]
    assert (answer["stage"], answer["tier"], answer["points"], answer["benefits"]) == ("prospect", "Member", 0, [])
    assert answer["value"] == 0 < answer["p_repurchase"] < answer["p_horizon"] < 1
    assert len(answer["items"]) == 3 and all(item["reason"].startswith("sells well") for item in answer["items"])


def test_joining_within_the_data_makes_a_first_purchase_a_first_one(champion):
    first = [bought(10), bought(4)]
    assert ask(champion, asked(first), 1)["stage"].iloc[0] == "new"  # nothing bought in the months before
    early = [bought(320, item_id="x"), bought(300)]
    assert ask(champion, asked(early, joined_at="2016-05-01"), 1)["stage"].iloc[0] == "lapsed"


def test_ids_and_events_may_be_asked_together_in_any_order(champion):
    first, second = everybody()[:2]
    rows = pd.DataFrame({"member_id": [second, "new", first], "events": [None, [bought()], np.nan]})
    answer = ask(champion, rows, 2)
    assert answer["member_id"].tolist() == [second, "new", first]
    assert answer["answered_from"].tolist() == ["batch", "events", "batch"]
    assert all(tuple(one) == scorer.COLUMNS for one in champion.answer(rows, 2))


def test_events_may_come_as_json_text(champion):
    plain, text = asked([bought()]), asked(json.dumps([bought()]))
    pd.testing.assert_frame_equal(ask(champion, plain, 2), ask(champion, text, 2))


LATER = "2017-12-08"


def batch_at(day) -> pd.DataFrame:
    """What a batch run as of `day` says of all members by the models of the scorer, from the whole tables."""
    p = params.parse(params.read())
    worth, forecast, borders, rule = (stored.load(paths.models(name), scorer.CLASSES) for name in scorer.MODELS)
    con, members = engine.connect(), tables.read("members")
    events, ids = engine.load(con, "events"), members["member_id"]
    known = features.table(events, engine.load(con, "members"), [day]).set_index("member_id")
    history = small_batch.anyways(p, purchase_days.read(events, members, p.windows.start, day))
    spans = [p.economics.repurchase_days, p.value.horizon_days]
    chances = forecast.chances(history, purchase_days.number(day), spans).set_axis(
        ["p_repurchase", "p_horizon"], axis=1
    )
    months = lifecycle.month_starts(p.windows.model_copy(update={"as_of": day}))
    active = purchase_days.read(events, members, p.windows.start, day, p.economics.activity_kinds)
    stage = borders.stages(active, purchase_days.number(day), p.lifecycle)["stage"]
    amounts = qualifying.amounts(events, ids, months, p.tiers)
    ranks = rules.replay(amounts, rule)
    books = points.replay(qualifying.earning(events, ids, months, p.tiers), ranks, p.tiers, p.seed)
    tiers = rules.standing(ranks, amounts, books.last, rule, p.tiers, qualifying.ahead(events, ids, months, p.tiers))
    found = worth.forecast(known, chances, p.value, p.economics).join(tiers.set_index("member_id"))
    return found.assign(stage=stage)


def test_a_week_later_the_standing_models_say_what_a_batch_run_of_that_day_would(champion):
    members, day = everybody(), date.fromisoformat(LATER)
    answer = ask(champion, sent(members, LATER), 5, f"{LATER}T00:00:00").set_index("member_id")
    expected = batch_at(day).loc[members]
    assert (answer["as_of"] == LATER).all() and (answer["model_age_days"] == 7).all()
    for column in scorer.WORTH:
        np.testing.assert_allclose(answer[column], expected[column], rtol=1e-9, atol=CENTS)
    assert answer["stage"].tolist() == expected["stage"].tolist()
    for column in ("tier", "to_next", "points"):
        assert answer[column].tolist() == expected[column].tolist()
    before = ask(champion, pd.DataFrame({"member_id": members}), 5).set_index("member_id")
    assert not np.allclose(answer["p_repurchase"], before["p_repurchase"])


def test_a_known_member_of_whom_nothing_is_sent_has_been_silent_since_the_batch_run(champion):
    members = everybody()
    aged = ask(champion, pd.DataFrame({"member_id": members}), 5, LATER)
    silent = ask(champion, sent(members, champion.as_of), 5, LATER)
    assert (aged["answered_from"] == "batch").all() and (aged["as_of"] == LATER).all()
    pd.testing.assert_frame_equal(aged.drop(columns="answered_from"), silent.drop(columns="answered_from"))


@pytest.mark.parametrize("now", ["2017-12-01", "2017-12-01T00:00:00", "2017-12-01T18:30"])
def test_on_the_day_of_the_batch_run_ids_are_answered_as_it_did(champion, now):
    rows = pd.DataFrame({"member_id": everybody()})
    pd.testing.assert_frame_equal(ask(champion, rows, 5, now), ask(champion, rows, 5))


def test_what_a_member_did_today_counts_and_the_chances_are_those_of_the_days_that_follow(champion):
    today = pd.DataFrame({"member_id": ["early", "late"], "events": [[bought(-7.4)], [bought(3)]]})
    early, late = (row for _, row in ask(champion, today, 3, "2017-12-08T12:00:00").iterrows())
    assert (early["as_of"], late["as_of"]) == ("2017-12-09", "2017-12-08")
    assert (early["model_age_days"], late["model_age_days"]) == (8, 7)
    tomorrow = ask(champion, asked([bought(-7.4)], "early"), 3, "2017-12-09").iloc[0]
    assert early.to_dict() == tomorrow.to_dict()


def test_a_tier_that_is_no_longer_deserved_is_lost_in_silence(champion):
    members = pd.DataFrame({"member_id": everybody()})
    order = ["Member", "Silver", "Gold", "Platinum"]
    ranks = [ask(champion, members, 1, now)["tier"].map(order.index) for now in (None, "2018-08-01")]
    assert (ranks[1] <= ranks[0]).all() and (ranks[1] == 0).all() and (ranks[0] > 0).any()


CLOCKS = {
    "before the batch run": ("2017-11-30T23:59", "the batch run is as of 2017-12-01 .* allowed: that day and later"),
    "no time": ("next week", "now = 'next week': allowed: an ISO time on the members' wall clock"),
    "a number": (20171208, "now = 20171208: allowed: an ISO time"),
    "a zone": ("2017-12-08T10:00:00Z", "without a zone"),
    "a year on": ("2018-12-01", "the models were made 365 days before it, .* fewer than 365. .* run `dvc repro`"),
}


@pytest.mark.parametrize("case", CLOCKS)
def test_a_clock_that_cannot_be_scored_at_is_refused_in_words(champion, case):
    now, words = CLOCKS[case]
    with pytest.raises(DataError, match=words):
        ask(champion, pd.DataFrame({"member_id": everybody()[:1]}), 5, now)


def test_an_event_after_the_clock_is_refused_and_one_before_it_is_not(champion):
    with pytest.raises(DataError, match=r"local_at = '2017-12-08T12:00:00' in 1 events; .* before 2017-12-08T11:00:00"):
        ask(champion, asked([bought(-7.5)]), 5, "2017-12-08T11:00:00")
    assert len(ask(champion, asked([bought(-7.5)]), 5, "2017-12-08T12:00:01")) == 1


def test_days_are_answered_alike_whichever_were_asked_before(champion):
    rows = pd.DataFrame({"member_id": everybody()[:5]})
    first = ask(champion, rows, 3, "2017-12-03")
    for day in range(4, 12):
        ask(champion, rows, 3, f"2017-12-{day:02d}")
    pd.testing.assert_frame_equal(ask(champion, rows, 3, "2017-12-03"), first)


REFUSED = {
    "no rows": (pd.DataFrame({"member_id": []}), "the request holds no member"),
    "no member_id": (pd.DataFrame({"id": ["a"]}), "column member_id is missing; there are: id"),
    "a number as id": (pd.DataFrame({"member_id": [7]}), "member_id = 7: allowed: ids as text"),
    "an id with NUL": (pd.DataFrame({"member_id": ["a\0"]}), "allowed: ids as text"),
    "an empty id": (pd.DataFrame({"member_id": [""]}), "member_id = '': allowed: ids as text"),
    "a stranger": (pd.DataFrame({"member_id": ["nobody"]}), "unknown members: nobody; .* send their `events`"),
    "one member twice": (pd.DataFrame({"member_id": ["a", "a"]}), "member_id = 'a' is there twice"),
    "no list": (asked({"kind": "purchase"}), "events are dict; allowed: a list"),
    "text that is no JSON": (asked("bought milk"), "events are no JSON list"),
    "no object": (asked(["milk"]), "event 'milk': allowed: an object with kind, local_at"),
    "no kind": (asked([{"local_at": "2017-11-01"}]), "an event has no kind"),
    "an unknown kind": (asked([bought(kind="steal")]), "kind = 'steal' in 1 events; allowed: one of view, cart"),
    "an unknown field": (asked([bought(price=1)]), "event field 'price': unknown; there are: kind"),
    "a bad date": (asked([bought(local_at="soon")]), "local_at = 'soon' in 1 events; allowed: an ISO time before 2017"),
    "a number as date": (asked([bought(local_at=20171101)]), "local_at = 20171101"),
    "a time with a zone": (asked([bought(local_at="2017-11-01T10:00:00Z")]), "without a zone"),
    "a time with an hour's zone": (asked([bought(local_at="2017-11-01T10:00:00+00")]), "without a zone"),
    "times of two kinds": (asked([bought(), bought(local_at="2017-11-01T10:00:00+02")]), "without a zone"),
    "an impossible time": (asked([bought(local_at="1950-01-01")]), "'1950-01-01' in 1 events; .* from 1990-01-01 on"),
    "a joined_at with a zone": (asked([], joined_at="2017-01-01T00:00:00+00"), "joined_at = .*: allowed: an ISO date"),
    "half a letter": (asked([bought(order_id="\ud800")]), "order_id = .* in 1 events; allowed: text"),
    "nothing bought": (asked([bought(quantity=0)]), "quantity = 0 in 1 events; allowed: 1 and up for a purchase"),
    "a purchase paid out": (asked([bought(amount=-5)]), "amount = -5 in 1 events; allowed: 0 and up for a purchase"),
    "beyond belief": (asked([bought(quantity=10**6)]), "allowed: at most 100000 either way"),
    "an event after as_of": (asked([bought(0)]), "local_at = '2017-12-01T00:00:00' in 1 events; allowed: .* before"),
    "half a cent": (asked([bought(amount=1.5)]), "amount = 1.5 in 1 events; allowed: whole numbers"),
    "endless money": (asked([bought(amount=float("inf"))]), "amount = inf in 1 events"),
    "a number as item": (asked([bought(item_id=5)]), "item_id = 5 in 1 events; allowed: text, or nothing"),
    "a return that is paid for": (asked([bought(kind="return")]), "amount = 500 in 1 events; allowed: 0 or less"),
    "a bad joined_at": (asked([], joined_at="later"), "joined_at = 'later': allowed: an ISO date before 2017-12-01"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_answered_is_refused_in_words(champion, case):
    rows, words = REFUSED[case]
    with pytest.raises(DataError, match=words):
        ask(champion, rows, 5)


def test_a_line_that_cleaning_would_have_dropped_is_refused_and_one_cent_less_is_not(champion):
    most = clean.largest(tables.read("quality"))
    assert most == 5_000 * tables.read("events").query("amount != 0")["amount"].abs().median()
    assert len(ask(champion, asked([bought(amount=most)]), 1)) == 1
    with pytest.raises(DataError, match=rf"amount = {most + 1} in 1 events; allowed: at most {most} either way"):
        ask(champion, asked([bought(amount=most + 1)]), 1)


@pytest.mark.parametrize("k", [0, -1, 6, 2.5, True, None])
def test_k_is_a_whole_number_up_to_that_of_the_batch_run(champion, k):
    with pytest.raises(DataError, match=f"k = {k}: allowed: whole numbers, 1 to 5"):
        ask(champion, pd.DataFrame({"member_id": everybody()[:1]}), k)


@pytest.mark.parametrize("name", ["p_topfreq", "item_knn"])
def test_any_policy_can_stand_ready(tmp_path, name):
    settings = {"ties": "first_bought"} if name == "p_topfreq" else {}
    ready, member = packed(tmp_path, "champion", {"policy": name, "settings": settings}), everybody()[5]
    answer = ask(ready, sent([member], ready.as_of), 3)
    assert [item["rank"] for item in answer["items"].iloc[0]] == [1, 2, 3]


@pytest.mark.parametrize("name", ["tifuknn", "ease", "als"])
def test_a_live_peer_is_fitted_once_and_answers_every_request_as_the_batch_run_would(name, tmp_path, monkeypatch):
    fits, peer = [], PEERS[name]
    counted = replace(peer, fit=lambda *given: fits.append(name) or peer.fit(*given))
    monkeypatch.setitem(PEERS, name, counted)
    ready = packed(tmp_path, "champion", {"policy": name, "settings": {}})
    members = everybody()[:6]
    answers = pd.concat([ask(ready, sent(some, ready.as_of), 5) for some in (members[:1], members[1:4], members[4:])])
    assert fits == [name]
    p, items = ready.p, tables.read("items")
    products = baskets.of_products(engine.load(engine.connect(), "events"), items)
    batch = policies.fit(name, {}, products, items, ready.as_of, p)
    listed = policy.listed(batch, items, np.array(members), 5)
    for member, found in zip(answers["member_id"], answers["items"], strict=True):
        own = listed[listed["member_id"] == member]
        assert [item["item_id"] for item in found] == own["item_id"].tolist()
        assert [item["reason"] for item in found] == own["reason"].tolist()
        assert [item["score"] for item in found] == pytest.approx(own["score"].tolist(), rel=1e-5, abs=1e-6)


def test_a_live_stack_is_packed_with_its_model_and_answers_as_the_batch_run_would(tmp_path):
    tuned = json.loads(paths.models("tuned.json").read_text())["settings"]
    by = dict.fromkeys(stack.signals(["model", "item_knn"]), 0.5)
    settings = {"model": tuned, "peers": {"item_knn": {}}, "weights": by}
    ready, members = packed(tmp_path, "challenger", {"policy": "stack", "settings": settings}), everybody()[:4]
    answers = ask(ready, sent(members, ready.as_of), 5)
    items, network = tables.read("items"), model.load(paths.models("next_basket"))
    products = baskets.of_products(engine.load(engine.connect(), "events"), items)
    served = policy.serve(network, products, items, ready.as_of, ready.p)
    batch = policies.serve("stack", settings, served, items, ready.p)
    ids, _ = batch.recommend(np.array(members), 5)
    listed = dict(zip(answers["member_id"], answers["items"], strict=True))
    assert [[item["item_id"] for item in listed[member]] for member in members] == ids.tolist()


@pytest.mark.parametrize("arm", ["champion"], indirect=True)
def test_what_a_member_has_just_put_into_the_cart_is_left_out_or_comes_first(ready, arm, folder, tmp_path):
    asked = sent(everybody()[:1], ready.as_of)
    before = [item["item_id"] for item in ask(ready, asked, 4)["items"].iloc[0]]
    yesterday = pd.Timestamp(ready.as_of) - pd.Timedelta(days=1)
    asked["events"].iloc[0].append({"kind": "cart", "item_id": before[1], "local_at": f"{yesterday:%Y-%m-%d}T23:59:59"})
    for listed, places in (("never", [0, 2, 3]), ("first", [1, 0, 2])):
        shutil.copytree(folder / arm, tmp_path / listed)
        raw = yaml.safe_load((tmp_path / listed / "params.yaml").read_text())
        raw["recommend"]["rules"] = {"in_cart": {"days": 3, "listed": listed}}
        (tmp_path / listed / "params.yaml").write_text(yaml.safe_dump(raw))
        after = ask(scorer.Scorer(tmp_path / listed), asked, 3)["items"].iloc[0]
        assert [item["item_id"] for item in after] == [before[place] for place in places]


def test_members_without_recommendations_are_answered_without_items(batch, tmp_path, monkeypatch):
    root = tmp_path / "root"
    shutil.copytree(batch, root)
    monkeypatch.setenv("MEMBERSHIP_ROOT", str(root))
    listed, member = tables.read("recommendations"), everybody()[0]
    tables.write("recommendations", listed[listed["member_id"] != member])
    answer = ask(packed(tmp_path / "scorer", "champion"), pd.DataFrame({"member_id": [member]}), 3)
    assert answer["items"].iloc[0] == []


def test_a_missing_or_broken_model_is_named(batch, tmp_path, monkeypatch):
    root = tmp_path / "root"
    shutil.copytree(batch, root)
    monkeypatch.setenv("MEMBERSHIP_ROOT", str(root))
    (root / "models" / "worth" / "model.safetensors").write_bytes(b"no")
    with pytest.raises(DataError, match=r"models/worth: not a stored model .*run `dvc repro` again"):
        scorer.pack(tmp_path / "scorer")
    shutil.rmtree(root / "models" / "tiers")
    stored.save(root / "models" / "worth", stored.load(batch / "models" / "worth", scorer.CLASSES))
    with pytest.raises(DataError, match=r"models/tiers/model.json: no such file; run `dvc repro`"):
        scorer.pack(tmp_path / "scorer again")


def test_a_member_in_a_live_test_gets_the_own_arm_and_it_is_logged_before_the_answer(batch, tmp_path, monkeypatch):
    database = f"sqlite:///{tmp_path / 'log.db'}"
    monkeypatch.setenv(log.URL, database)
    declared = [
        {
            "name": "lists",
            "what": "list",
            "arms": {"control": 0.5, "treatment": 0.5},
            "gives": {"treatment": "challenger"},
        },
        {
            "name": "boost",
            "what": "benefit",
            "arms": {"control": 0.5, "treatment": 0.5},
            "gives": {"treatment": "boost"},
        },
    ]
    p = params.parse(params.read())
    listed = tables.read("recommendations")
    known = assign.known(*(tables.read(name) for name in ("members", "profile", "tiers", "repurchase")))
    known = known[known["member_id"].isin(listed["member_id"])]
    trials = Trials(declared=[one | {"start": p.windows.as_of} for one in declared])
    begun = register.enrol(register.Register(register.empty(), {}), trials, known, p.windows.as_of)
    scorer.pack(tmp_path)
    serving.pack(tmp_path, begun, p.windows.as_of)
    tuned = {"policy": "model", "settings": json.loads(paths.models("tuned.json").read_text())["settings"]}
    scorer.pack_policy(tmp_path, "champion", ARMS["champion"], tuned)
    ready = scorer.Scorer(tmp_path)

    lists = begun.of("lists").set_index("member_id")["arm"]
    boost = begun.of("boost").set_index("member_id")["arm"]
    asked = [lists[lists == arm].index[0] for arm in ("control", "treatment")]
    answers = ready.answer(pd.DataFrame({"member_id": asked}), 3, request_id="r1")
    assert ready.answer(pd.DataFrame({"member_id": asked}), 3, request_id="r1") == answers
    for answer, policy_id in zip(answers, ("champion", "challenger"), strict=True):
        own = listed[(listed["member_id"] == answer["member_id"]) & (listed["policy"] == policy_id)]
        assert [item["item_id"] for item in answer["items"]] == own.sort_values("rank")["item_id"].head(3).tolist()
        assert ("boost" in answer["benefits"]) == (boost[answer["member_id"]] == "treatment")
    again = sent(asked, p.windows.as_of)
    anew = ready.answer(again, 3, request_id="r2")
    assert [[item["item_id"] for item in one["items"]] for one in anew] == [
        [item["item_id"] for item in one["items"]] for one in answers
    ]
    logged = log.Log(database).read()
    assert len(logged) == 8  # two requests, two members, two trials; the first one was sent twice
    shown = logged[(logged["request_id"] == "r1") & (logged["trial"] == "lists")].set_index("member_id")["shown"]
    assert json.loads(shown[asked[1]])["items"] == [item["item_id"] for item in answers[1]["items"]]
