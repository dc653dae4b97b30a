"""Importers on small files of the same form: order, rows that cannot be read, files that are something else."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from simulation.importers import boston311, common, wabo, xes
from simulation.importers.common import ImportedLog, NotThisForm, Unreadable
from simulation.stream import daily_segments

WABO = "case:concept:name,case:deadline,case:startdate,case:enddate,concept:name,time:timestamp"
BOSTON = "case_enquiry_id,open_dt,sla_target_dt,closed_dt,on_time,department"


def _read_wabo(tmp_path: Path, *lines: str) -> tuple[ImportedLog, list[Unreadable]]:
    return _read(wabo.read, tmp_path, WABO, *lines)


def _read_boston(tmp_path: Path, *lines: str) -> tuple[ImportedLog, list[Unreadable]]:
    return _read(boston311.read, tmp_path, BOSTON, *lines)


def _read(read, tmp_path: Path, *lines: str) -> tuple[ImportedLog, list[Unreadable]]:  # type: ignore[no-untyped-def]
    path = tmp_path / "log"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogateescape")
    rows: list[Unreadable] = []
    return read(path, rows.append), rows


def _steps(log: ImportedLog) -> list[tuple[str, int, str, datetime]]:
    return [(c.source_ref, c.ordinal, c.command, c.occurred_at) for c in log.commands]


def test_an_application_opens_at_its_earliest_instant_and_is_decided_at_its_end_date(tmp_path: Path) -> None:
    log, rows = _read_wabo(
        tmp_path,
        "a,2011-01-10 12:00+01:00,2011-01-05 10:00+01:00,2011-01-09 10:00+01:00,Check,2011-01-06 10:00+01:00",
        "a,2011-01-10 12:00+01:00,2011-01-05 10:00+01:00,2011-01-09 10:00+01:00,Register,2011-01-04 10:00+01:00",
        "a,2011-01-10 12:00+01:00,2011-01-05 10:00+01:00,2011-01-09 10:00+01:00,Check,2011-01-11 10:00+01:00",
    )
    assert not rows
    assert [(command, at.day) for _, _, command, at in _steps(log)] == [
        ("apply", 4), ("accept", 4), ("start-stage", 4), ("finish-stage", 4), ("start-stage", 6), ("finish-stage", 6),
        ("decide", 9), ("start-stage", 11), ("finish-stage", 11),
    ]  # fmt: skip
    stages = [msgspec.json.decode(c.data)["stage"] for c in log.commands if c.command == "finish-stage"]
    assert stages == ["Register", "Check", "Check#2"]
    assert [c.ordinal for c in log.commands] == list(range(1, 10))
    assert log.end == datetime(2011, 1, 11, 9, tzinfo=UTC)


def test_unreadable_wabo_rows_are_reported_with_line_and_reason(tmp_path: Path) -> None:
    good = "a,2011-01-10 12:00:00+01:00,2011-01-05 10:00:00+01:00,,Check,2011-01-06 10:00:00+01:00"
    log, rows = _read_wabo(
        tmp_path,
        good,
        "a,2011-01-10 12:00:00+01:00,2011-01-05 10:00:00+01:00,,Check",
        ",2011-01-10 12:00:00+01:00,2011-01-05 10:00:00+01:00,,Check,2011-01-06 10:00:00+01:00",
        "b,2011-01-10 12:00:00+01:00,2011-01-05 10:00:00+01:00,,Check,yesterday",
        "c,2011-99-10,,,Check,2011-01-06 10:00:00+01:00",
        "d,,,,,2011-01-06 10:00:00+01:00",
        "e,,,,Check,",
        "a,2011-02-11 12:00:00+01:00,2011-01-05 10:00:00+01:00,,Again,2011-01-06 10:00:00+01:00",
        'f,,,,"Check,2011-01-06 10:00:00+01:00',
        good.replace("a,", "g,", 1),
    )
    assert log.cases == 2
    assert [(row.line, row.reason) for row in rows] == [
        (3, "6 columns expected, 5 found"),
        (4, "case:concept:name is missing"),
        (5, "time:timestamp: 'yesterday' is not a date and time"),
        (6, "case:deadline: '2011-99-10' is not a date and time"),
        (7, "concept:name is missing"),
        (8, "time:timestamp is missing"),
        (9, "case:deadline contradicts line 2"),
        (10, "not a row: unexpected end of data"),
    ]
    assert rows[0].raw.startswith("a,2011-01-10")


def test_a_quoted_field_may_span_lines(tmp_path: Path) -> None:
    log, rows = _read_wabo(tmp_path, 'a,,,,"Check', 'of receipt",2011-01-06 10:00:00+01:00', "b,,,,Check,nonsense")
    assert log.cases == 1
    assert [row.line for row in rows] == [4]


def test_bytes_that_are_not_utf8_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(f"{WABO}\na,,,,Caf\xe9,2011-01-06 10:00:00+01:00\n".encode("latin-1"))
    rows: list[Unreadable] = []
    assert wabo.read(path, rows.append).cases == 0
    assert [(row.line, row.reason) for row in rows] == [(2, "not UTF-8 text")]


def test_columns_may_come_in_any_order_with_others_and_another_delimiter(tmp_path: Path) -> None:
    log, rows = _read(
        wabo.read, tmp_path, "\ufeffextra;" + ";".join(reversed(WABO.split(","))),
        "x;2011-01-06 10:00:00+01:00;Check;;;2011-01-10 12:00:00+01:00;a",
    )  # fmt: skip
    assert (log.cases, rows) == (1, [])
    assert msgspec.json.decode(log.commands[1].data)["due_at"] == "2011-01-10T11:00:00Z"


def test_a_request_is_dispatched_at_its_opening_and_concluded_when_closed(tmp_path: Path) -> None:
    log, rows = _read_boston(tmp_path, "1,2015-01-01 07:33:18,2015-01-05 03:30:00,2015-01-02 13:32:22,ONTIME,PWDx")
    assert not rows
    assert [(command, at.day) for _, _, command, at in _steps(log)] == [
        ("file", 1), ("accept", 1), ("dispatch", 1), ("conclude", 2), ("reply", 2),
    ]  # fmt: skip
    assert log.end == datetime(2015, 1, 5, 8, 30, 1, tzinfo=UTC)


def test_a_request_closed_before_it_was_opened_opens_when_it_was_closed(tmp_path: Path) -> None:
    log, _ = _read_boston(tmp_path, "1,2015-01-02 07:00:00,,2015-01-01 07:00:00,ONTIME,PWDx")
    assert {at.day for _, _, _, at in _steps(log)} == {1}


def test_the_hour_that_comes_twice_is_the_first_one(tmp_path: Path) -> None:
    log, _ = _read_boston(tmp_path, "1,2015-11-01 01:30:00,,,ONTIME,PWDx")
    assert log.commands[0].occurred_at == datetime(2015, 11, 1, 5, 30, tzinfo=UTC)


def test_a_request_that_stands_twice_is_reported(tmp_path: Path) -> None:
    row = "1,2015-01-01 07:33:18,,,ONTIME,PWDx"
    log, rows = _read_boston(tmp_path, row, row, ",2015-01-01 07:33:18,,,ONTIME,PWDx", "2,,,,ONTIME,PWDx")
    assert log.cases == 1
    assert [row.reason for row in rows] == [
        "case_enquiry_id 1 stands on line 2 already", "case_enquiry_id is missing", "open_dt is missing",
    ]  # fmt: skip


def test_the_older_name_of_the_sla_column_is_known(tmp_path: Path) -> None:
    log, _ = _read(
        boston311.read,
        tmp_path,
        BOSTON.replace("sla_target_dt", "target_dt"),
        "1,2012-01-01 07:00:00,2012-01-02 07:00:00,,,",
    )
    assert msgspec.json.decode(log.commands[2].data)["due_at"] == "2012-01-02T12:00:00Z"


TRACE = """<trace><string key="concept:name" value="{name}"/><date key="startDate" value="2014-04-11T00:00:00+02:00"/>
{events}</trace>"""
EVENT = """<event><string key="concept:name" value="{name}"/><date key="time:timestamp" value="{at}"/>
<date key="dueDate" value="2014-04-17T09:30:39+02:00"/></event>
"""


def _read_xes(tmp_path: Path, body: str, finished: str = xes.COMPLETION) -> tuple[ImportedLog, list[Unreadable]]:
    path = tmp_path / "log.xes"
    path.write_text(f'<?xml version="1.0" encoding="UTF-8" ?>\n<log xes.version="1.0">\n{body}')
    rows: list[Unreadable] = []
    return xes.read(path, rows.append, "town", finished), rows


def _event(name: str = "01_HOOFD_010", at: str = "2014-04-18T00:00:00+02:00") -> str:
    return EVENT.format(name=name, at=at)


def test_a_stage_starts_with_the_case_and_finishes_with_its_event(tmp_path: Path) -> None:
    log, rows = _read_xes(tmp_path, TRACE.format(name="1", events=_event() + _event()) + "</log>")
    assert not rows
    opening, done = datetime(2014, 4, 10, 22, tzinfo=UTC), datetime(2014, 4, 17, 22, tzinfo=UTC)
    assert [(command, at) for _, _, command, at in _steps(log)] == [
        ("apply", opening), ("accept", opening), ("start-stage", opening), ("start-stage", opening),
        ("finish-stage", done), ("finish-stage", done),
    ]  # fmt: skip
    finished = [msgspec.json.decode(c.data) for c in log.commands[4:]]
    assert [data["stage"] for data in finished] == ["01_HOOFD_010", "01_HOOFD_010#2"]
    assert {data["agency"] for data in finished} == {"town"}


def test_without_the_chosen_attribute_a_stage_with_a_due_date_never_finishes(tmp_path: Path) -> None:
    log, _ = _read_xes(tmp_path, TRACE.format(name="1", events=_event()) + "</log>", finished="dateFinished")
    assert [c.command for c in log.commands] == ["apply", "accept", "start-stage"]


def test_one_broken_event_costs_no_other(tmp_path: Path) -> None:
    broken = _event().replace("</event>", "")
    body = TRACE.format(name="1", events=_event() + broken + _event("next")) + TRACE.format(name="2", events=_event())
    log, rows = _read_xes(tmp_path, body + "</log>")
    assert log.cases == 2
    assert [c.command for c in log.commands if c.source_ref == "1"].count("finish-stage") == 2
    assert len(rows) == 1
    assert rows[0].reason.startswith("broken event")
    assert rows[0].line == 6


def test_events_and_traces_that_lack_what_matters_are_reported(tmp_path: Path) -> None:
    events = _event(at="soon") + _event(name="") + _event()
    body = TRACE.format(name="1", events=events) + TRACE.format(name="", events=_event())
    log, rows = _read_xes(tmp_path, body + TRACE.format(name="1", events=_event()) + "</log>")
    assert log.cases == 1
    assert [row.reason for row in rows] == [
        "time:timestamp: 'soon' is not a date and time", "concept:name is missing", "concept:name is missing",
        "trace 1 stands on line 3 already",
    ]  # fmt: skip


def test_a_file_that_is_cut_off_keeps_its_complete_events(tmp_path: Path) -> None:
    whole = TRACE.format(name="1", events=_event() + _event("cut"))
    log, rows = _read_xes(tmp_path, whole[: whole.index('value="cut"')])
    assert [c.command for c in log.commands].count("finish-stage") == 1
    assert [row.reason.partition(":")[0] for row in rows] == ["the trace is cut off", "broken event"]


@pytest.mark.parametrize("content", [b"", b"\x00\xff\xfe binary", b"<html></html>", b"a,b,c\n1,2,3\n", b'"open'])
def test_a_file_of_another_form_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log"
    path.write_bytes(content)
    for read in (wabo.read, boston311.read, lambda p, r: xes.read(p, r, "town")):
        with pytest.raises(NotThisForm, match=r"^not [^\n]+$"):
            read(path, lambda row: None)


def test_a_damaged_gzip_file_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    import gzip

    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress(b"x" * 10_000)[:-12])
    with pytest.raises(NotThisForm, match="damaged gzip file"):
        common.digest(path)
    with pytest.raises(NotThisForm, match="No such file"):
        common.digest(tmp_path / "absent")
    with pytest.raises(NotThisForm, match="directory"):
        common.digest(tmp_path)


def test_each_day_begins_with_its_tick_and_the_last_tick_is_the_end(tmp_path: Path) -> None:
    log, _ = _read_boston(
        tmp_path, "1,2015-01-01 23:59:00,,2015-01-03 00:00:00,ONTIME,PWDx", "2,2015-01-01 08:00:00,,,ONTIME,PWDx"
    )
    assert log.end is not None
    segments = list(daily_segments(log.commands, log.zone, log.end))
    assert [s.as_of.astimezone(UTC) for s in segments] == [
        datetime(2015, 1, 1, 5, tzinfo=UTC),
        datetime(2015, 1, 3, 5, tzinfo=UTC),
        datetime(2015, 1, 3, 5, 0, 1, tzinfo=UTC),
    ]
    assert [len(s.commands) for s in segments] == [6, 2, 0]
    assert [c.source_ref for c in segments[0].commands] == ["2", "2", "2", "1", "1", "1"]
