"""The other way to keep deadlines: an index on `due_at` in MongoDB that a poll asks again and again, in batches."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pymongo import ASCENDING, MongoClient, UpdateOne

from deploy.embedded.stack import free_ports

BATCH = 2000


class Poll:
    """`cohorts` times `due` documents wait, as many clocks as Duban's cases would have; `fire(n)` polls cohort n away.

    What is done for a clock that is due is less than what Duban does: it is marked, no alert is made or written.
    """

    def __init__(self, collection: Any, server: str, due: int, cohorts: int) -> None:
        self.due, self.server, self._open = due, server, collection
        self._open.create_index([("due_at", ASCENDING)])
        for cohort in range(cohorts):
            for first in range(0, due, BATCH):
                self._open.insert_many(
                    [_case(cohort, number) for number in range(first, min(first + BATCH, due))], ordered=False
                )

    def fire(self, cohort: int) -> float:
        """Clocks a second, from the first question to the empty answer."""
        started, fired = time.perf_counter(), 0
        query = {"due_at": {"$lt": cohort + 1}}
        while found := list(self._open.find(query, {"due_at": 1}).sort("due_at", ASCENDING).limit(BATCH)):
            self._open.bulk_write(
                [
                    UpdateOne(
                        {"_id": case["_id"], "due_at": case["due_at"]},
                        {"$set": {"state": "breached"}, "$unset": {"due_at": ""}},
                    )
                    for case in found
                ],
                ordered=False,
            )
            fired += len(found)
        assert fired == self.due, f"{fired} of {self.due} were polled"
        return fired / (time.perf_counter() - started)


@contextmanager
def polled(folder: Path, due: int, cohorts: int) -> Iterator[Poll]:
    """A filled collection on the server at DUBAN_BENCH_MONGO, or on the stand-in for MongoDB that the embedded stack
    has."""
    given = os.environ.get("DUBAN_BENCH_MONGO")
    if given:
        with MongoClient[dict[str, Any]](given) as client:
            client.drop_database("duban_bench")
            yield Poll(client.duban_bench.cases, "mongod", due, cohorts)
            client.drop_database("duban_bench")
        return
    (port,) = free_ports(1)  # without the stack's --sync-on-commit, which would cost it half of its speed
    server = subprocess.Popen(
        [sys.executable, "-m", "secantus", "--host", "127.0.0.1", "--port", str(port), "--storage-path",
         str(folder / "mongo"), "--cache-size", "256M", "--log-level", "ERROR"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        with MongoClient[dict[str, Any]](f"mongodb://127.0.0.1:{port}") as client:
            yield Poll(client.duban_bench.cases, "SecantusDB", due, cohorts)
    finally:
        server.kill()
        server.wait()


def _case(cohort: int, number: int) -> dict[str, Any]:
    name = blake2b(f"{cohort}/{number}".encode(), digest_size=10).hexdigest()
    return {
        "_id": f"inspection-{name}", "due_at": cohort, "state": "running", "kind": "inspection", "agency": "finance",
        "section": "non-tax", "clock": "write_up", "started_at": 1_772_424_000_000_000 + number,
    }  # fmt: skip
