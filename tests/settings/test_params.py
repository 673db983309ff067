"""params.yaml: what is allowed, what a stage sees, and how an error reads."""

import pytest

from membership.base.errors import ParamError
from membership.settings import params

SPRING = {"name": "spring", "what": "benefit", "arms": {"a": 0.5, "b": 0.5}, "start": "2018-01-01"}
BAD = [
    ({"seed": "many"}, "seed = 'many'", "integer"),
    ({"device": "tpu"}, "device = 'tpu'", "'auto', 'cpu' or 'cuda'"),
    ({"dataset.timezone": "Mars/Olympus"}, "dataset.timezone = 'Mars/Olympus'", "IANA name"),
    ({"dataset.currency": "dollars"}, "dataset.currency = 'dollars'", "pattern"),
    ({"economics.margin_rate": 1.5}, "economics.margin_rate = 1.5", "less than 1"),
    ({"windows.holdout_end": "2017-11-15"}, "windows", "validation_end < holdout_end"),
    ({"windows.start": "yesterday"}, "windows.start = 'yesterday'", "date"),
    ({"economics.repurchase_days": 60}, "repurchase_days = 60", "longer than the holdout [2017-12-01, 2018-01-01)"),
    ({"dataset.source": "files"}, "dataset.files.events", "needs a mapping"),
    ({"value.horizon_days": None}, "value.horizon_days = None", "integer"),
    ({"recommend.k": 0}, "recommend.k = 0", "greater than or equal to 1"),
    ({"recommend.k": 101}, "recommend.k = 101", "less than or equal to 100"),
    ({"recommend.min_baskets": 1.5}, "recommend.min_baskets = 1.5", "integer"),
    ({"recommend.explore": -0.1}, "recommend.explore = -0.1", "greater than or equal to 0"),
    ({"recommend.peers": ["als"]}, "recommend.peers = ['als']", "dictionary"),
    ({"tune.trials": 0}, "tune.trials = 0", "greater than or equal to 1"),
    ({"tune.workers": 0}, "tune.workers = 0", "greater than or equal to 1"),
    ({"tune.confidence": 1}, "tune.confidence = 1", "less than 1"),
    ({"tune.space.hidden": []}, "tune.space.hidden = []", "at least 1"),
    ({"tune.space.learning_rate.low": 1}, "tune.space.learning_rate", "low must be at most high"),
    ({"trials.holdout_share": 0.6}, "trials.holdout_share = 0.6", "less than or equal to 0.5"),
    ({"trials.declared": [SPRING | {"arms": {"a": 0.0, "b": 0.5}}]}, "declared.0.arms.a = 0.0", "greater than 0"),
    ({"trials.declared": [SPRING | {"arms": {"a": 0.7, "b": 0.5}}]}, "trials.declared.0", "together at most 1"),
    ({"trials.declared": [SPRING, SPRING]}, "trials", "every trial needs a name and a salt of its own"),
    ({"trials.declared": [SPRING | {"gives": {"b": "gold bars"}}]}, "gives gold bars", "no benefit of the catalogue"),
    ({"trials.declared": [SPRING | {"what": "tier_threshold"}]}, "what", "are tiers.jitter"),
    ({"trials.declared": [SPRING | {"serve_days": 7}]}, "serve_days = 7", "14 and more"),
    ({"train.candidates": -1}, "train.candidates = -1", "greater than or equal to 0"),
    ({"train.settings.hidden": "wide"}, "train.settings.hidden = 'wide'", "integer"),
    ({"train.settings.learning_rate": 0}, "train.settings.learning_rate = 0", "greater than 0"),
]


@pytest.mark.parametrize(("override", "key", "allowed"), BAD)
def test_an_impossible_value_is_one_line_naming_key_value_and_what_is_allowed(override, key, allowed):
    with pytest.raises(ParamError) as error:
        params.parse(params.read(), override)
    message = str(error.value)
    assert key in message
    assert allowed in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ({"tiers.thresholds": [100, 50, 200]}, "out of order; allowed: each above the one before"),
        ({"tiers.thresholds": [100, 100, 200]}, "out of order"),
        ({"tiers.thresholds": [100, 200]}, "2 for 3 tiers above the entry tier; allowed: one for each of"),
        ({"tiers.thresholds": [0, 100, 200]}, "greater than or equal to 1"),
        ({"tiers.search.candidates": 2}, "search.candidates = 2: fewer than the 3 thresholds to find"),
        ({"tiers.search.budget": -1}, "greater than or equal to 0"),
        ({"tiers.qualify_by": "visits"}, "'spend', 'points'"),
        ({"tiers.qualify_by": "points", "tiers.points_per_unit": 0}, "points_per_unit must be above 0"),
        ({"tiers.pull.reach": 1}, "less than 1"),
        ({"tiers.grace_months": -1}, "greater than or equal to 0"),
        ({"tiers.redeem_share": 1.1}, "less than or equal to 1"),
    ],
)
def test_impossible_tiers_say_what_is_allowed(override, problem):
    with pytest.raises(ParamError, match=r"params.yaml: tiers") as error:
        params.parse(params.read(), override)
    assert problem in str(error.value)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda levels: levels[:1], "at least 2"),
        (lambda levels: [*levels, levels[-1]], "every level needs its own name"),
        (lambda levels: [{**levels[0], "uplift": 0.1}, *levels[1:]], "relative to the entry tier"),
        (lambda levels: [levels[0], {**levels[1], "cost": -1}], "greater than or equal to 0"),
    ],
)
def test_impossible_levels_say_what_is_allowed(change, problem):
    levels = params.parse(params.read()).plain()["tiers"]["levels"]
    with pytest.raises(ParamError) as error:
        params.parse(params.read(), {"tiers.levels": change(levels)})
    assert problem in str(error.value)


def test_an_unknown_key_is_an_error():
    raw = params.read()
    raw["economics"]["margin_rat"] = 0.3
    with pytest.raises(ParamError, match=r"economics\.margin_rat = 0\.3: unknown key"):
        params.parse(raw)


def test_a_missing_key_is_an_error():
    raw = params.read()
    del raw["windows"]["start"]
    with pytest.raises(ParamError, match=r"windows\.start: missing"):
        params.parse(raw)


def test_overrides_change_one_value_and_leave_the_rest():
    before, after = params.parse(params.read()), params.parse(params.read(), {"value.horizon_days": 30})
    assert after.value.horizon_days == 30
    assert after.model_copy(update={"value": before.value}) == before


def test_an_override_of_an_unknown_key_is_an_error():
    with pytest.raises(ParamError, match=r"value\.horizon = 30: there is no such parameter"):
        params.load("value", {"value.horizon": 30})


def test_a_stage_sees_only_what_it_declares():
    p = params.load("value")
    assert p.value.horizon_days > 0
    with pytest.raises(ParamError, match="stage 'value' does not declare 'tune'"):
        _ = p.tune


def test_an_unknown_stage_is_an_error_naming_the_stages():
    with pytest.raises(ParamError, match=r"stage 'valu' is not in dvc\.yaml; there are: .*value"):
        params.load("valu")


def test_broken_yaml_is_named(workspace):
    (workspace / "params.yaml").write_text("seed: [1\n")
    with pytest.raises(ParamError, match="not valid YAML"):
        params.load("value")


def test_a_parameter_cannot_change():
    p = params.load("value")
    with pytest.raises(Exception, match="frozen"):
        p.value.horizon_days = 1


def test_a_default_that_params_yaml_leaves_out_can_be_overridden_also_in_part():
    p = params.parse(params.read(), {"monitor.psi.watch": 0.05, "value.network.hidden": 8})
    assert (p.monitor.psi.watch, p.monitor.psi.drifted) == (0.05, 0.25)
    assert (p.value.network.hidden, p.value.network.epochs) == (8, 100)


def test_a_section_that_params_yaml_leaves_out_has_its_defaults(workspace):
    raw = params.read()
    assert "features" not in raw
    assert params.parse(raw).features.min_category_share == 0
