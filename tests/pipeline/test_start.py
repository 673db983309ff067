"""`make start`: what it writes loads and runs, and nothing is written where it cannot."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from membership.data import ingest
from membership.pipeline import start, started
from membership.settings import params

ORDERS = "\n".join(
    ["Kundennr;Bestelldatum;Betrag", *(f"0{n % 5};{n % 28 + 1:02d}.{n % 6 + 1:02d}.2023;{n},50" for n in range(60))]
)


@pytest.fixture
def presets(workspace):
    shutil.copytree(Path(__file__).parents[2] / "presets", workspace / "presets")


@pytest.fixture
def orders(workspace, tmp_path_factory):
    path = tmp_path_factory.mktemp("elsewhere") / "bestellungen.csv"
    path.write_text(ORDERS, encoding="cp1252")
    return path


def test_params_that_were_written_load_and_ingest_runs_on_them(workspace, orders, capsys):
    assert start.main([str(orders)]) == 0
    assert "member_id" in capsys.readouterr().out
    p = params.parse(params.read())
    data = ingest.ingest(p).data.held()
    assert (len(data.members), len(data.events), data.events["amount"].sum()) == (5, 60, 177_000 + 3_000)
    assert set(data.members["member_id"]) == {"00", "01", "02", "03", "04"}


def test_the_earlier_params_are_kept_and_all_else_in_dvc_yaml_stays(workspace, orders):
    before, pipeline = (workspace / "params.yaml").read_text(), (workspace / "dvc.yaml").read_text().splitlines()
    start.main([str(orders)])
    assert (workspace / started.BEFORE).read_text() == before
    new = (workspace / "dvc.yaml").read_text().splitlines()
    assert [line for line in new if line not in pipeline] == ["      - data/raw/bestellungen.csv"]
    assert [line for line in pipeline if line not in new] == []
    start.main([str(orders)])  # a second time the files are not named twice
    assert (workspace / "dvc.yaml").read_text().splitlines() == new


def test_every_guess_has_its_reason_beside_it(workspace, orders):
    start.main([str(orders)])
    lines = (workspace / "params.yaml").read_text().splitlines()
    for key in (
        "timezone: ",
        "currency: ",
        "member_id: ",
        "at: ",
        "amount: ",
        "time_format: ",
        "holdout_end: ",
        "repurchase_days: ",
    ):
        assert all("#" in line for line in lines if line.strip().startswith(key)), key


def test_text_that_yaml_would_take_for_something_else_stays_text(workspace, tmp_path):
    rows = [f"u{n % 4},{'yes' if n % 2 else 'no'},2023-01-{n % 28 + 1:02d}" for n in range(40)]
    (tmp_path / "x.csv").write_text("\n".join(["on,#y,date", *rows]))
    options = ["--role", "member_id=on", "--role", "kind=#y", "--kind", "yes=purchase", "--kind", "no=view"]
    assert start.main([str(tmp_path / "x.csv"), *options]) == 0
    mapping = yaml.safe_load((workspace / "params.yaml").read_text())["dataset"]["files"]["events"]
    assert mapping["kinds"] == {"yes": "purchase", "no": "view"}
    assert mapping["columns"] == {"member_id": "on", "kind": "#y", "at": "date"}


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nothing.csv"],
        ["--role", "who", "x.csv"],
        ["--kind", "a=b", "x.csv"],
        ["--role", "amount=a", "--role", "amount=b", "x.csv"],
        ["--kind", "a=view", "--kind", "a=cart", "x.csv"],
    ],
)
def test_what_cannot_be_started_changes_nothing(workspace, arguments, capsys):
    before = {path: path.read_bytes() for path in workspace.iterdir() if path.is_file()}
    assert start.main(arguments) == 1
    assert capsys.readouterr().err.startswith("start: ")
    assert {path: path.read_bytes() for path in workspace.iterdir() if path.is_file()} == before
    assert not (workspace / "data").exists()


def test_data_that_the_reader_refuses_leave_no_copy_behind(workspace, tmp_path_factory, capsys):
    path = tmp_path_factory.mktemp("elsewhere") / "orders.csv"
    rows = [f"u{n % 4},2023-01-{n % 28 + 1:02d},5.00" for n in range(4000)]
    path.write_text("\n".join(["user,date,amount", *rows, "u1,2023-01-05,five"]))
    assert start.main([str(path)]) == 1
    assert "five" in capsys.readouterr().err
    assert not list(workspace.rglob("orders.csv"))


def test_few_items_make_lists_short_and_the_metrics_that_are_named_after_their_length(workspace, tmp_path):
    rows = [f"u{n % 4},i{n % 5},{n}.50,2023-{n % 6 + 1:02d}-{n % 28 + 1:02d}" for n in range(60)]
    (tmp_path / "sales.csv").write_text("\n".join(["customer_id,sku,amount,date", *rows]))
    assert start.main([str(tmp_path / "sales.csv")]) == 0
    p = params.parse(params.read())
    assert (p.recommend.k, p.evaluate.primary_metric) == (2, "recall_at_2")
    assert {one.metric.partition("_at_")[2] for one in p.decide.guardrails} == {"", "2"}


def test_bills_beside_contracts_are_counted_once_and_who_ended_has_left(workspace, tmp_path):
    changes = ["msisdn,plan_name,valid_from,monthly_fee", "+49151001,M,2023-01-10,20", "+49151002,M,2023-01-20,20"]
    (tmp_path / "plan_changes.csv").write_text("\n".join([*changes, "+49151002,terminated,2023-04-15,"]))
    months = ["2023-02-01", "2023-03-01", "2023-04-01", "2023-05-01", "2023-06-01"]
    bills = [
        f"r{who}{day},+4915100{who},{day},21.50" for day in months for who in (1, 2) if who == 1 or day < "2023-05"
    ]
    (tmp_path / "bills.csv").write_text("\n".join(["invoice_no,msisdn,bill_date,amount_due", *bills]))
    assert start.main([str(tmp_path / name) for name in ("plan_changes.csv", "bills.csv")]) == 0
    data, _ = ingest.known(params.parse(params.read()), None)
    assert data.events.loc[data.events["pays"], "amount"].sum() == 2150 * len(bills)
    assert data.members.set_index("member_id")["left_at"].notna().to_dict() == {"+49151001": False, "+49151002": True}


def test_amounts_of_two_currencies_without_rates_are_refused_with_currency_and_day(workspace, tmp_path, capsys):
    rows = [f"u{n % 4},{n}.50,2023-01-{n % 28 + 1:02d},{'GBP' if n == 9 else 'EUR'}" for n in range(40)]
    (tmp_path / "sales.csv").write_text("\n".join(["customer_id,amount,date,currency", *rows]))
    before = (workspace / "params.yaml").read_text()
    assert start.main([str(tmp_path / "sales.csv")]) == 1
    assert "GBP on 2023-01-10" in capsys.readouterr().err
    assert (workspace / "params.yaml").read_text() == before


def test_titles_replayed_on_later_days_are_listed_again_and_articles_read_once_are_not(presets, tmp_path):
    days = [str(day.date()) for day in pd.date_range("2024-01-01", periods=60)]
    for name, title, explore in (("plays", lambda n: n % 4, 0.0), ("reads", lambda n: n, 6.0)):
        rows = [f"u{who},a{title(n)},{day}" for n, day in enumerate(days) for who in range(4)]
        (tmp_path / f"{name}.csv").write_text("\n".join(["listener_id,episode_id,played_at", *rows]))
        assert start.main([str(tmp_path / f"{name}.csv")]) == 0
        p = params.parse(params.read())
        assert p.recommend.explore == explore
        assert p.evaluate.primary_metric.startswith("explore_recall" if explore else "recall")


def test_a_history_too_short_for_the_measure_of_its_field_says_so(workspace, presets, tmp_path, capsys):
    days = [str(day.date()) for day in pd.date_range("2024-01-01", periods=75)]
    rows = [f"n{who}{n},c{who},{day},{who % 3}" for n, day in enumerate(days) for who in range(4)]
    (tmp_path / "incidents.csv").write_text("\n".join(["number,caller_id,opened_at,priority", *rows]))
    assert start.main([str(tmp_path / "incidents.csv")]) == 0
    assert params.parse(params.read()).economics.repurchase_days < 30
    assert "150 days" in capsys.readouterr().out
    assert "150 days" in (workspace / "params.yaml").read_text()
