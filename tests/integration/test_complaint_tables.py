"""`duban complaints import` on the embedded stack: good rows in, bad ones reported, the second time nothing."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.embedded.plan import ROOT
from deploy.embedded.stack import Stack
from duban import context

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]
BOX = ["--channel", "supervision_box", "--field", "box=box-3", "--field", "opened_at=2026-03-08T09:00:00+08:00",
       "--field", "openers=office-1 g2-2", "--field", "batch=b-8"]  # fmt: skip


def _run(stack: Stack, file: Path, *options: str) -> tuple[int, dict[str, Any], str]:
    command = [
        sys.executable,
        "-m",
        "duban.main",
        "complaints",
        "import",
        str(file),
        "--data",
        str(stack.data),
        "--json",
    ]
    done = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout.startswith("{") else {}, done.stderr


def _box(path: Path, *more: str) -> Path:
    rows = [f"{n},tax,delay,第{n}封" for n in range(1, 31)]
    path.write_text("\n".join(["ref,agency,offence,text", *rows, *more]) + "\n", encoding="utf-8")
    return path


def test_a_box_is_filed_once_and_its_bad_rows_are_told(stack: Stack, tmp_path: Path) -> None:
    box, receipts = _box(tmp_path / "box.csv", "31,tax,rudeness,x", "31b,,,"), tmp_path / "receipts.csv"
    code, summary, error = _run(stack, box, *BOX, "--receipts", str(receipts))
    assert code == 1, error
    assert (summary["filed"], summary["repeated"], summary["bad"]) == (30, 0, 2)
    bad = [json.loads(line) for line in Path(summary["report"]).read_text().splitlines()]
    assert [(row["line"], row["ref"]) for row in bad] == [(32, "31"), (33, "31b")]
    assert "offence" in bad[0]["reason"]
    assert receipts.stat().st_mode & 0o777 == 0o600
    rows = list(csv.DictReader(receipts.open()))
    assert len({row["receipt_code"] for row in rows} - {""}) == 30
    headers = {"Authorization": f"Bearer {context.load(stack.data).token('office')}"}
    case = httpx.get(f"{stack.http}/complaints/v1/cases/{rows[0]['case_id']}", headers=headers).json()
    assert case["history"][0]["data"]["intake"]["openers"] == ["office-1", "g2-2"]
    code, again, error = _run(stack, _box(box), *BOX, "--receipts", str(receipts))
    assert code == 0, error
    assert (again["filed"], again["repeated"], again["bad"], again["report"]) == (0, 30, 0, None)
    assert [row["case_id"] for row in csv.DictReader(receipts.open())] == [row["case_id"] for row in rows]


def test_a_row_changed_under_its_ref_is_not_filed_over_the_first(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "letters.csv"
    for text, code, bad in (("一", 0, 0), ("二", 1, 1)):
        file.write_text(f"ref,agency,text\nL-1,tax,{text}\n", encoding="utf-8")
        exit_code, summary, error = _run(stack, file, "--channel", "letter")
        assert (exit_code, summary["bad"]) == (code, bad), error
    assert "Idempotency-Key" in Path(summary["report"]).read_text()


def test_what_cannot_be_read_is_one_line_and_exit_code_2(stack: Stack, tmp_path: Path) -> None:
    file = tmp_path / "other.csv"
    file.write_text("a,b\n1,2\n", encoding="utf-8")
    for path, options in ((file, BOX), (file, ["--channel", "pigeon"]), (tmp_path / "none.csv", BOX)):
        code, summary, error = _run(stack, path, *options)
        assert (code, summary, error.count("\n")) == (2, {}, 1)
        assert error.startswith("duban: ")
