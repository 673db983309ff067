"""params.yaml as a file, and values that only look like what is wanted: one message each, before anything runs."""

import pytest
import yaml

from membership.base import paths
from membership.base.errors import ParamError
from membership.pipeline import fingerprint
from membership.settings import params


def events(**more: str) -> dict:
    columns = {"member_id": "m", "at": "t"}
    return {"events": {"paths": ["a.csv"], "columns": columns, "constants": {"kind": "purchase"}, **more}}


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"# only a comment\n", "empty"),
        (b"- seed\n- 1\n", "holds a list"),
        (b"seed\n", "holds a str"),
        (b"seed: 1\nname: caf\xe9\n", "line 2 is not UTF-8"),
        (b"\xff\xfes\x00e\x00", "not UTF-8"),
        (b"seed: [1\n", "not valid YAML"),
        (b"seed:\t1\n\tdevice: cpu\n", "not valid YAML"),
        (b"windows: {start: 2017-13-45}\n", "not valid YAML"),
        (b'name: "\\ud800"\n', "not valid YAML"),
        (b"a: &a [*a]\n", "aliases"),
        (BOMB.encode(), "aliases within aliases"),
        (b"a: " + b"[" * 5000, "not valid YAML"),
        (b"recommend: {k: 010}\n", "010: write the number to the base of 10"),
        (b"recommend:\n  k: 1:30\n", "1:30: write the number"),
        (b"economics:\n  margin_rate: 1:30.5\n", "1:30.5: write the number"),
    ],
)
def test_a_file_that_is_no_mapping_of_text_is_one_message_that_names_it(workspace, content, told):
    (workspace / "params.yaml").write_bytes(content)
    with pytest.raises(ParamError, match=told) as error:
        params.read()
    assert "params.yaml" in str(error.value) and "\n" not in str(error.value)


def test_a_folder_in_place_of_the_file_is_named(workspace):
    (workspace / "params.yaml").unlink()
    (workspace / "params.yaml").mkdir()
    with pytest.raises(ParamError, match="cannot be read"):
        params.read()


def test_a_byte_order_mark_is_no_part_of_the_first_key(workspace):
    path = workspace / "params.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert params.read() == params.read(path)
    assert params.parse(params.read()).seed


def test_an_alias_that_is_used_twice_is_what_it_stands_for(workspace):
    (workspace / "params.yaml").write_text("quick: {a.b: &x [1, 2], c.d: *x}\n")
    assert params.read()["quick"]["c.d"] == [1, 2]


@pytest.mark.parametrize(
    ("key", "value", "allowed"),
    [
        ("seed", True, "integer"),
        ("benefits.budget", float("inf"), "finite"),
        ("benefits.budget", float("nan"), "finite"),
        ("benefits.budget", True, "no numbers"),
        ("evaluate.worth", [0.1, True], "no numbers"),
        ("campaigns.reach_costs", [float("inf")], "finite"),
        ("economics.repurchase_days", True, "no numbers"),
        ("recommend.min_baskets", 10**30, "less than or equal"),
        ("monitor.confidence", 2, "less than 1"),
        ("clean.product_pattern", "(?=x)", "regular expression of the engine"),
        ("clean.product_pattern", "a++", "regular expression of the engine"),
        ("clean.non_product_pattern", "(", "regular expression of the engine"),
        ("dataset.files", events(time_format="%Q"), "not a format of times"),
        ("dataset.files", events(time_format="DD/MM/YYYY"), "without a year and a month"),
        ("dataset.files", events(time_format="%d.%m. %H:%M"), "without a year and a month"),
        ("dataset.files", events(encoding="base64"), "not a known encoding"),
        ("dataset.files", events(encoding="undefined"), "not a known encoding"),
    ],
)
def test_what_only_looks_like_a_value_is_refused_with_what_is_allowed(key, value, allowed):
    with pytest.raises(ParamError, match=allowed) as error:
        params.parse(params.read(), {key: value})
    assert key in str(error.value)


@pytest.mark.parametrize("form", ["%d/%m/%y %H:%M", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M %Z", "%j %Y", "%Y-%m", "%c"])
def test_formats_that_the_engine_reads_are_accepted(form):
    files = events(time_format=form, encoding="utf-16")
    assert params.parse(params.read(), {"dataset.files": files}).dataset.files.events.time_format == form


@pytest.mark.parametrize("change", [{"monitor": {"confidence": 2}}, {"tyers": {}}, {"seed": True}])
def test_what_is_refused_leaves_the_fingerprints_that_stand(workspace, capsys, change):
    stands = paths.data("code", "value.json")
    stands.parent.mkdir(parents=True)
    stands.write_text("{}")
    raw = yaml.safe_load((workspace / "params.yaml").read_text())
    for key, value in change.items():
        raw[key] = {**raw.get(key, {}), **value} if isinstance(value, dict) else value
    (workspace / "params.yaml").write_text(yaml.safe_dump(raw))
    assert fingerprint.main() == 1
    assert next(iter(change)) in capsys.readouterr().err
    assert stands.read_text() == "{}"
