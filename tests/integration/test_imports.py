"""`duban import` on the embedded stack: through the services, past them, cut short, run twice, and on the real log."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.embedded.plan import ROOT
from deploy.embedded.stack import Stack
from duban import context
from tests.support import oracles
from tests.support.stack import eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

HEADER = "case:concept:name,case:deadline,case:startdate,case:enddate,concept:name,time:timestamp,case:department"
T0 = datetime.fromisoformat("2011-03-01T09:00:00+01:00")


def _log(path: Path, cases: int, *broken: str) -> Path:
    """A receipt log: one case opens every six hours and ends nine days later; every third has a deadline too early."""
    lines = [HEADER]
    for number in range(cases):
        start = T0 + timedelta(hours=6 * number)
        end, deadline = start + timedelta(days=9), start + timedelta(days=8 if number % 3 == 0 else 30)
        for activity, hours in (("Register", 1), ("Check", 30), ("Check", 60)):
            at = start + timedelta(hours=hours)
            lines.append(f"{path.stem}-{number},{deadline},{start},{end},{activity},{at},General")
    path.write_text("\n".join([*lines, *broken]) + "\n")
    return path


def _command(stack: Stack, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "duban.main", "import", *arguments, "--data", str(stack.data), "--json"]


def _run(stack: Stack, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """(exit code, summary, standard error) of an import command."""
    done = subprocess.run(
        _command(stack, *arguments), cwd=ROOT, capture_output=True, text=True, timeout=280, check=False
    )
    return done.returncode, json.loads(done.stdout) if done.stdout.startswith("{") else {}, done.stderr


def _alerts(stack: Stack, timeline: str) -> Iterator[dict[str, Any]]:
    token = context.load(stack.data).token("importer")
    after = None
    while True:
        query = {"timeline": timeline, "limit": 500} | ({"after": after} if after else {})
        page = httpx.get(f"{stack.http}/v1/alerts", params=query, headers={"Authorization": f"Bearer {token}"}).json()
        yield from page["items"]
        after = page["next"]
        if not after:
            return


def _overdue(stack: Stack, timeline: str) -> set[tuple[str, str, str, str]]:
    found = [a for a in _alerts(stack, timeline) if a["rule"] == "overdue"]
    overdue = {(a["source_ref"].rpartition("-")[2], a["clock"], a["due_at"], a["state"]) for a in found}
    assert len(overdue) == len(found)
    return overdue


def test_the_services_and_the_topics_give_the_same_alerts(stack: Stack, tmp_path: Path) -> None:
    found = []
    for name, options in (("services", ()), ("direct", ("--direct",))):
        code, summary, error = _run(stack, "wabo", str(_log(tmp_path / f"{name}.csv", 60)), *options)
        assert code == 0, error
        assert summary["mode"] == name
        assert (summary["cases"], summary["commands"], summary["unreadable"]) == (60, 60 * 9, 0)
        assert summary["complete"]
        assert summary["alerts"]["overdue"] == 20
        found.append(_overdue(stack, summary["timeline"]))
    assert found[0] == found[1]
    assert {case for case, *_ in found[0]} == {str(number) for number in range(0, 60, 3)}
    assert {(clock, state) for _, clock, _, state in found[0]} == {("promised", "settled")}


@pytest.mark.parametrize("options", [(), ("--direct",)])
def test_the_second_time_changes_nothing(stack: Stack, tmp_path: Path, options: tuple[str, ...]) -> None:
    log = str(_log(tmp_path / f"twice{len(options)}.csv", 9))
    _, first, _ = _run(stack, "wabo", log, *options)
    before = sorted(_alerts(stack, first["timeline"]), key=lambda a: a["alert_id"])
    code, second, _ = _run(stack, "wabo", log)
    assert code == 0
    assert second["already_imported"]
    assert not first["already_imported"]
    assert sorted(_alerts(stack, first["timeline"]), key=lambda a: a["alert_id"]) == before


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_an_import_that_was_cut_short_goes_on(stack: Stack, tmp_path: Path, end: signal.Signals) -> None:
    log = str(_log(tmp_path / f"cut{end}.csv", 240))
    process = subprocess.Popen(
        _command(stack, "wabo", log), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    eventually(lambda: _progress(stack) > 5, timeout=60)
    process.send_signal(end)
    _, error = process.communicate(timeout=30)
    if end == signal.SIGINT:
        assert process.returncode == 130
        assert "the same command goes on" in error
    code, summary, error = _run(stack, "wabo", log)
    assert code == 0, error
    assert not summary["already_imported"]
    assert summary["alerts"]["overdue"] == 80
    assert len(_overdue(stack, summary["timeline"])) == 80


def _progress(stack: Stack) -> int:
    """How many days the unfinished import has sent."""
    states = [json.loads(path.read_text()) for path in (stack.data / "imports").glob("wabo-*.json")]
    return sum(state["segments_done"] for state in states if not state["finished"])


def test_rows_that_cannot_be_read_are_counted_and_listed(stack: Stack, tmp_path: Path) -> None:
    log = _log(tmp_path / "broken.csv", 3, "too,few", "x,,,,Check,someday,General")
    code, summary, error = _run(stack, "wabo", str(log))
    assert code == 0, error
    assert summary["unreadable"] == 2
    rows = [json.loads(line) for line in Path(summary["report"]).read_text().splitlines()]
    assert [(row["line"], row["reason"], row["raw"]) for row in rows] == [
        (11, "7 columns expected, 2 found", "too,few"),
        (12, "time:timestamp: 'someday' is not a date and time", "x,,,,Check,someday,General"),
    ]


def test_a_file_of_another_form_is_refused_in_one_line(stack: Stack, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    for arguments in (("wabo", str(other)), ("boston311", str(other)), ("xes", str(other), "--agency", "town")):
        code, summary, error = _run(stack, *arguments)
        assert (code, summary) == (2, {})
        assert error.startswith(f"duban: {other}: not ")
        assert error.count("\n") == 1


@pytest.mark.data
@pytest.mark.slow
def test_the_real_receipt_log_raises_exactly_what_the_oracle_says(stack: Stack) -> None:
    path = oracles.log("wabo_receipt.csv.gz")
    code, summary, error = _run(stack, "wabo", str(path), "--direct")
    assert code == 0, error
    found = [a["source_ref"] for a in _alerts(stack, summary["timeline"]) if a["rule"] == "overdue"]
    assert len(found) == 416
    assert set(found) == oracles.wabo_overdue(path)
