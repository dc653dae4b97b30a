"""What must be overdue in the real logs, straight from the raw files. Shares nothing with the importers.

DUBAN_LOGS names the folder that holds the logs; tests skip where a log is absent.
"""

import csv
import gzip
import os
import xml.etree.ElementTree as ElementTree
from collections import Counter
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

FOLDER = Path(os.environ.get("DUBAN_LOGS") or Path(__file__).parents[3] / "shared" / "data")


def log(name: str) -> Path:
    """The path of a real log. Skips the test, saying so, where it is absent."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"{name} is not in {FOLDER}: set DUBAN_LOGS to the folder that holds it")
    return path


def wabo_overdue(path: Path) -> set[str]:
    """Applications whose deadline passed before their end date, or before the log's end when they have none."""
    cases: dict[str, dict[str, str]] = {}
    latest = []
    with gzip.open(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            cases[row["case:concept:name"]] = row
            latest += [row["time:timestamp"], row["case:enddate"] or row["time:timestamp"]]
    log_end = max(datetime.fromisoformat(text) for text in latest)
    overdue = set()
    for ref, row in cases.items():
        ended = datetime.fromisoformat(row["case:enddate"]) if row["case:enddate"] else log_end
        if row["case:deadline"] and datetime.fromisoformat(row["case:deadline"]) < ended:
            overdue.add(ref)
    return overdue


def boston_overdue(path: Path) -> set[str]:
    """Requests that the city itself marked OVERDUE."""
    with gzip.open(path, "rt", newline="") as file:
        return {row["case_enquiry_id"] for row in csv.DictReader(file) if row["on_time"] == "OVERDUE"}


def xes_overdue(path: Path, finished: str = "time:timestamp") -> Counter[tuple[str, str]]:
    """(trace, concept:name) of events that were finished after their dueDate, with how many of them there are."""
    amsterdam = ZoneInfo("Europe/Amsterdam")
    overdue: Counter[tuple[str, str]] = Counter()
    with gzip.open(path) as file:
        for _, trace in ElementTree.iterparse(file):  # noqa: S314  a published log
            if not trace.tag.endswith("trace"):
                continue
            name = next(c.get("value") for c in trace if c.get("key") == "concept:name")
            for event in trace:
                fields = {c.get("key"): c.get("value") for c in event}
                if "dueDate" in fields:
                    done = datetime.fromisoformat(str(fields[finished]))
                    done = done if done.tzinfo else done.replace(tzinfo=amsterdam)
                    if done > datetime.fromisoformat(str(fields["dueDate"])):
                        overdue[str(name), str(fields["concept:name"])] += 1
            trace.clear()
    return overdue
