"""What a member refused holds in served answers, too, whatever is sent along; everybody else is answered as before."""

import shutil

import pandas as pd
import pytest

from membership.base import files, paths, tables
from membership.data import consent, pseudonyms
from membership.pipeline import masks, scorer
from membership.settings import params
from membership.settings.trials import Trials
from membership.trials import assign, log, register, serving

BOUGHT = [{"kind": "purchase", "local_at": "2017-11-20T10:00:00", "item_id": "i1", "amount": 500}]
ARMS = {"control": 0.5, "treatment": 0.5}
BOOST = {"name": "boost", "what": "benefit", "arms": ARMS, "gives": {"treatment": "boost"}}
POLICY = {"policy": "gp_topfreq", "settings": {}}


@pytest.fixture(scope="module")
def project(batch, tmp_path_factory):
    """A batch run in which everybody was allocated a benefit and is in a trial; three members have refused something.

    Yields who refused what, and a member who refused nothing.
    """
    root = tmp_path_factory.mktemp("project") / "root"
    shutil.copytree(batch, root)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MEMBERSHIP_ROOT", str(root))
        patched.setenv(log.URL, f"sqlite:///{root / 'log.db'}")
        p, given = params.parse(params.read()), tables.read("allocations")
        known = assign.known(*(tables.read(name) for name in ("members", "profile", "tiers", "repurchase")))
        tables.write("allocations", pd.concat([given.assign(member_id=one) for one in known["member_id"]]))
        trials = Trials(holdout_share=0, declared=[BOOST | {"start": p.windows.as_of}])
        begun = register.enrol(register.Register(register.empty(), {}), trials, known, p.windows.as_of)
        tables.write("assignments", begun.rows)
        files.write_json(paths.data(register.DECLARED), begun.declared)
        treated = begun.of("boost").query("arm == 'treatment'")["member_id"].tolist()
        no = dict(zip(consent.PURPOSES, treated, strict=False))
        rows = [{"member_id": one, "purpose": purpose, "allowed": False} for purpose, one in no.items()]
        tables.write("consent", pd.DataFrame(rows))
        yield no, treated[3]


@pytest.fixture(scope="module")
def packed(project, tmp_path_factory):
    folder = tmp_path_factory.mktemp("scorer")
    scorer.pack(folder)
    scorer.pack_policy(folder, "champion", POLICY)
    masks.hide(folder)
    return folder


@pytest.fixture(scope="module")
def ready(packed):
    return scorer.Scorer(packed)


@pytest.fixture(params=["by id", "with events", "a week later"])
def answers(request, project, ready):
    """The answers, by who refused what ("nothing": nothing), and the rows that the log got of them."""
    no, agreed = project
    whom = no | {"nothing": agreed}
    names = pseudonyms.of(pd.Series(whom.values()))
    rows = pd.DataFrame({"member_id": names, "events": [BOUGHT if request.param == "with events" else None] * 4})
    told = ready.answer(rows, 3, "2017-12-08" if request.param == "a week later" else None, request.param)
    logged = log.Log().read().query("request_id == @request.param")["member_id"]
    return dict(zip(whom, told, strict=True)), logged.tolist(), dict(zip(whom, names, strict=True))


def test_only_who_agreed_to_offers_and_profiling_gets_anything_personal(answers):
    told, _, _ = answers
    for purpose in (consent.OFFERS, consent.PROFILING):
        assert (told[purpose]["benefits"], told[purpose]["items"]) == ([], [])
    for purpose in (consent.TRIALS, "nothing"):
        assert len(told[purpose]["items"]) == 3 and "points_boost" in told[purpose]["benefits"]


def test_who_refused_profiling_is_told_tier_and_points_alone(answers):
    told, _, _ = answers
    assert {told[consent.PROFILING][name] for name in (*scorer.WORTH, "stage")} == {None}
    assert told[consent.PROFILING]["tier"] and told[consent.PROFILING]["points"] is not None
    assert all(one["stage"] and one["value"] is not None for name, one in told.items() if name != consent.PROFILING)


def test_only_who_agreed_to_trials_and_is_shown_something_has_an_arm_and_is_logged(answers):
    told, logged, names = answers
    assert logged == [names["nothing"]]
    assert {name for name, one in told.items() if "boost" in one["benefits"]} == {"nothing"}


def test_what_is_packed_holds_no_arm_of_who_refused_trials(ready, packed):
    assert len(pd.read_parquet(packed / serving.ARMS)) == len(tables.read("assignments")) - 1
