"""What pages call it when a member comes back, as the field says."""

import pytest

from membership.base import files, paths
from membership.report import back, language, words
from membership.settings import params


@pytest.mark.parametrize(("field", "one"), [(None, "an order"), ("content", "a visit"), ("subscription", "a payment")])
def test_the_field_says_what_coming_back_is_called(monkeypatch, tmp_path, field, one):
    given = {"field": field, **{key: params.read()[key] for key in ("dataset", "windows")}}
    files.write_json(tmp_path / "params.yaml", given)  # JSON is YAML, too
    (tmp_path / "presets").symlink_to(paths.root() / "presets")
    monkeypatch.setenv(paths.ROOT, str(tmp_path))
    assert back.word().a == one
    told = words.render("trial_policies", confidence=0.95, rows={})
    assert f"share with {one}" in told


@pytest.mark.parametrize("word", [["visit"], ["visit", ""], ["<b>", "visits"], ["a", "b", "c"]])
def test_a_word_of_the_field_is_one_and_many_of_letters(word):
    with pytest.raises(params.ParamError, match="order_word"):
        params.parse(params.read(), {"report.order_word": word})


def test_the_word_of_a_field_is_said_in_the_language_and_one_of_ones_own_stays():
    with language.spoken("zh"):
        known = language.field_word("trip", "trips")
        assert known[0] == known[1] == language.catalogue("zh").get(("trip", "trips"), language.BACK).string[0]
        assert back.Back(*known).a == known[0]
        assert language.field_word("feast", "feasts") == ("feast", "feasts")
    assert language.field_word("trip", "trips") == ("trip", "trips")
