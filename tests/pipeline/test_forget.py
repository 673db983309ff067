"""Somebody is forgotten: gone from all that is kept here, not back with the next delivery, and nobody else touched."""

import gzip
import json
import zipfile

import pandas as pd
import pytest
import yaml
from logged_row import ROW

from membership.base import paths, spreadsheet, tables
from membership.data import forgotten, ingest, pseudonyms
from membership.pipeline import forget, masks, whereabouts
from membership.settings import params
from membership.settings.dataset import Dataset
from membership.trials import log

EVENTS = 'customer;when;paid\n7; 2024-01-01 ;1,00\n8;2024-01-02;2,00\n"7";2024-01-03;3,00\n70;2024-02-03;3,00\n'


@pytest.fixture
def root(workspace, monkeypatch):
    """A project with own files, tables, what was published, a packed model, a cache and a log, of members 7, 8, 70."""
    monkeypatch.delenv(log.URL, raising=False)
    (workspace / "raw").mkdir()
    (workspace / "raw" / "a.csv").write_text(EVENTS)
    (workspace / "raw" / "b.csv.gz").write_bytes(gzip.compress(EVENTS.encode()))
    pd.DataFrame({"customer": [7.0, 8.0], "since": ["2024-01-01"] * 2}).to_parquet(workspace / "raw" / "m.parquet")
    mapping = {"columns": {"member_id": "customer", "at": "when", "amount": "paid"}, "constants": {"kind": "purchase"}}
    mapping |= {"paths": ["raw/*.csv", "raw/*.gz"], "delimiter": ";", "decimal": ","}
    members = {"paths": ["raw/m.parquet"], "columns": {"member_id": "customer", "joined_at": "since"}}
    changes = {
        "dataset.source": "files",
        "dataset.timezone": "UTC",
        "dataset.files": {"events": mapping, "members": members},
    }
    (workspace / "params.yaml").write_text(yaml.safe_dump(params.override(params.read(), changes)))
    ids = pd.DataFrame({"member_id": ["7", "8", "70"]})
    tables.write("members", ids.assign(joined_at=pd.NaT))
    masked = pseudonyms.masked(ids.assign(value=[1, 2, 3]))
    for name in ("private", "live"):
        paths.reports(name).mkdir(parents=True)
    masked.to_parquet(paths.reports("live", "predictions.parquet"))
    masked.to_parquet(paths.reports("private", "actions.parquet"))
    spreadsheet.write(paths.reports("private", "actions.csv"), masked)
    packed = workspace / "mlruns" / "1" / "scorer"
    packed.mkdir(parents=True)
    for name in ("members", "recommendations"):
        ids.to_parquet(packed / f"{name}.parquet")
    masks.hide(packed)
    cache = workspace / ".dvc" / "cache" / "files" / "md5" / "ab"
    cache.mkdir(parents=True)
    (cache / "c1").write_bytes(tables.ALL["members"].path().read_bytes())
    (cache / "c2").write_text("member_id,value\n7,1\n8,2\n")
    (cache / "c3").write_text("week,events\n7,1\n")
    log.Log().append([ROW | {"member_id": one} for one in masked["member_id"]])
    _mention(workspace, *pseudonyms.of(pd.Series(["7", "8"])))
    return workspace


def _mention(root, pseudonym: str, other: str) -> None:
    """Leave what is made of tables: a page, a workbook and audiences of members, and an example beside a model."""
    private = root / "reports" / "private"
    (private / "members.html").write_text(f"<p>{other} {pseudonym}</p>")
    (private / "audiences").mkdir()
    (private / "audiences" / "01-a.csv").write_text(f"member_id,on\n{pseudonym},bread\n")
    (private / "audiences" / "02-b.csv").write_text(f"member_id,on\n{other},bread\n")
    with zipfile.ZipFile(private / "actions.xlsx", "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/sharedStrings.xml", f"<t>{pseudonym}</t>")
    (root / "mlruns" / "1" / "scorer" / "example.json").write_text(f'["{pseudonym}", "{other}"]')


def everything(root) -> dict:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != pseudonyms.FILE and not path.name.startswith("trials.db")
    }


@pytest.mark.parametrize("by", ["id", "pseudonym"])
def test_a_member_is_gone_from_everything_and_nobody_else_is(root, by):
    asked = "7" if by == "id" else pseudonyms.of(pd.Series(["7"])).iloc[0]
    assert forget.main([asked]) == 0
    assert (root / "raw" / "a.csv").read_text() == "customer;when;paid\n8;2024-01-02;2,00\n70;2024-02-03;3,00\n"
    assert gzip.decompress((root / "raw" / "b.csv.gz").read_bytes()).decode() == (root / "raw" / "a.csv").read_text()
    assert pd.read_parquet(root / "raw" / "m.parquet")["customer"].tolist() == [8.0]
    assert sorted(tables.read("members")["member_id"]) == ["70", "8"]
    other, left = pseudonyms.of(pd.Series(["8"])).iloc[0], sorted(pseudonyms.of(pd.Series(["70", "8"])))
    for path in (paths.reports("live", "predictions.parquet"), paths.reports("private", "actions.parquet")):
        assert pd.read_parquet(path)["member_id"].tolist() == left
    assert spreadsheet.read(paths.reports("private", "actions.csv"))["member_id"].tolist() == left
    packed = {path.name: len(pd.read_parquet(path)) for path in (root / "mlruns").rglob("*.parquet")}
    assert packed == {"members.parquet": 2, "recommendations.parquet": 2, "pseudonyms.parquet": 2}
    assert [path.name for path in (root / ".dvc").rglob("c?")] == ["c3"]
    assert sorted(log.Log().read()["member_id"]) == left
    kept = {path.name for path in paths.reports("private").rglob("*.*")}
    assert kept == {"actions.parquet", "actions.csv", "02-b.csv"}
    assert (root / "mlruns" / "1" / "scorer" / "example.json").read_text() == json.dumps(["m_" + "0" * 16, other])


def test_dvc_restores_nothing_of_the_member_from_a_cache_that_is_elsewhere(root, tmp_path_factory):
    cache = tmp_path_factory.mktemp("elsewhere")
    (root / ".dvc" / "config").write_text(f"[core]\n    no_scm = true\n[cache]\n    dir = {cache}\n")
    with_member, without = cache / "files" / "md5" / "ab" / "c1", cache / "files" / "md5" / "ab" / "c3"
    with_member.parent.mkdir(parents=True)
    with_member.write_bytes(tables.ALL["members"].path().read_bytes())
    without.write_text("week,events\n7,1\n")
    for name in ("c1", "c3"):
        run = cache / "runs" / name / name
        run.mkdir(parents=True)
        (run / "key").write_text(f"outs:\n- md5: ab{name}\n")
    assert forget.main(["7"]) == 0
    assert [path.parent.name for path in (cache / "runs").rglob("key")] == ["c3"]
    assert with_member.exists() and without.exists()


def test_who_was_forgotten_does_not_come_back_with_the_source(root):
    p = params.parse(params.read())
    assert len(ingest.read(p.dataset, p.seed).members) == 3
    forget.main(["7"])
    (root / "raw" / "a.csv").write_text(EVENTS)
    found = ingest.read(p.dataset, p.seed)
    assert sorted(found.members["member_id"]) == ["70", "8"] and "7" not in set(found.events["member_id"])
    assert forgotten.among(pd.Series(["7", "8"])).tolist() == ["7"]
    assert "7" not in (root / "data" / "forgotten.json").read_text().replace('"salt"', "").split('"')


def test_a_household_is_forgotten_under_all_its_ids(root):
    (root / "same.csv").write_text("id,house\n8,7\n70,70\n")
    same = {"paths": ["same.csv"], "columns": {"source_id": "id", "member_id": "house"}}
    raw = yaml.safe_load((root / "params.yaml").read_text())
    raw["dataset"]["files"]["aliases"] = same
    (root / "params.yaml").write_text(yaml.safe_dump(raw))
    forget.run("8")
    assert (root / "raw" / "a.csv").read_text().splitlines()[1:] == ["70;2024-02-03;3,00"]
    assert (root / "same.csv").read_text().splitlines() == ["id,house", "70,70"]
    assert set(forgotten.among(pd.Series(["7", "8", "70"]))) == {"7", "8"}


@pytest.mark.parametrize("asked", ["99", "", "m_0123456789abcdef"])
def test_somebody_unknown_changes_nothing(root, asked, capsys):
    before, logged = everything(root), log.Log().read()
    assert forget.main([asked]) == 1
    assert "MEMBER" in capsys.readouterr().err and everything(root) == before
    pd.testing.assert_frame_equal(log.Log().read(), logged)


def test_what_lies_elsewhere_is_named_and_never_looked_through(workspace):
    (workspace / "orders" / "_delta_log").mkdir(parents=True)
    columns = {"member_id": "who", "kind": "what", "at": "when"}
    places = ["orders", "s3://shop/raw/*.csv", "postgres://me@host/shop::orders", "shop.csv"]
    (workspace / "shop.csv").write_text("who,what,when\n7,purchase,2020-01-05\n")
    events = {"paths": places, "folders": ["s3://shop", "postgres://me@host/shop"], "columns": columns}
    dataset = Dataset.model_validate({"files": {"events": events}})
    assert whereabouts.away(workspace, dataset) == places[:3]
    assert [path for path, _ in whereabouts.own(workspace, dataset)] == [workspace / "shop.csv"]


def test_a_second_time_says_that_nothing_is_left(root, capsys):
    forget.main(["7"])
    assert forget.main(["7"]) == 1
    assert "was forgotten already" in capsys.readouterr().err
