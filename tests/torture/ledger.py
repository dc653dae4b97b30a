"""What a torture run adds up to, as a table and as JSON."""

from collections import Counter

import msgspec

from tests.torture.failpoints import FAILPOINTS


class Ledger(msgspec.Struct, kw_only=True):
    """Records in the source topics are events and ticks. `lost`: alerts of the oracle that never came. `duplicated`:
    alerts beyond the oracle's, so also one that came under a second id. `disorder`: see Reader.wrong; `cases`: those
    with alerts, whose order is watched. `unread`: what only a reader finds that reads when all is quiet. `copies`:
    records of alerts and facts that came again with the same bytes under the same id, as at-least-once has it."""

    seed: int
    minutes: float
    brokers: int
    seconds: float = 0.0
    interrupted: bool = False
    timelines: int = 0
    unfinished: int = 0
    events_in: int = 0
    ticks_in: int = 0
    records_folded: int = 0
    records_unfolded: int = 0
    facts_seen: int = 0
    alerts_expected: int = 0
    alerts_seen: int = 0
    versions_seen: int = 0
    cases: int = 0
    lost: int = 0
    duplicated: int = 0
    disorder: int = 0
    unread: int = 0
    copies: int = 0
    kills: Counter[str] = msgspec.field(default_factory=Counter)
    faults: Counter[str] = msgspec.field(default_factory=Counter)
    failpoints: Counter[str] = msgspec.field(default_factory=Counter)
    cells: set[str] = msgspec.field(default_factory=set)
    exits: Counter[str] = msgspec.field(default_factory=Counter)
    examples: list[str] = msgspec.field(default_factory=list)

    @property
    def spared(self) -> list[str]:
        """The failpoints that no worker has died at."""
        return [name for name in FAILPOINTS if not self.failpoints[name]]

    @property
    def good(self) -> bool:
        broken = self.lost or self.duplicated or self.disorder or self.unread or self.records_unfolded
        return not broken and not self.unfinished and not self.interrupted

    def _failpoints(self) -> str:
        died = len(FAILPOINTS) - len(self.spared)
        left = f"; not at {', '.join(self.spared)}" if self.spared else ""
        return f"{died} of {len(FAILPOINTS)}, {len(self.cells)} with a kind of event or a count{left}"

    def as_json(self) -> str:
        plain = msgspec.to_builtins(self, builtin_types=(set,))
        plain["cells"] = sorted(self.cells)
        return msgspec.json.format(
            msgspec.json.encode(plain | {"spared": self.spared, "good": self.good}), indent=1
        ).decode()

    def table(self) -> str:
        rows: list[tuple[str, str]] = [
            ("events in", f"{self.events_in:,}"),
            ("ticks in", f"{self.ticks_in:,}"),
            ("records folded and committed", f"{self.records_folded:,}"),
            ("records not folded", f"{self.records_unfolded:,}"),
            ("timelines", f"{self.timelines:,}" + (f", {self.unfinished} unfinished" if self.unfinished else "")),
            ("facts seen", f"{self.facts_seen:,}"),
            ("alerts expected", f"{self.alerts_expected:,}"),
            ("alerts seen", f"{self.alerts_seen:,} in {self.versions_seen:,} versions"),
            ("lost", f"{self.lost:,}"),
            ("duplicated", f"{self.duplicated:,}"),
            ("out of order, two texts, gaps", f"{self.disorder:,} in {self.cases:,} cases with alerts"),
            ("missed by the running reader", f"{self.unread:,}"),
            ("copies, known by their id", f"{self.copies:,}"),
            ("kills", f"{self.kills.total()}: {_counts(self.kills)}"),
            ("failpoints died at", self._failpoints()),
            ("faults", f"{self.faults.total()}: {_counts(self.faults)}"),
            ("workers that ended by themselves", _counts(self.exits) or "none"),
            ("time", f"{self.seconds:.0f} s, {self.events_in / max(self.seconds, 1):,.0f} events/s end to end"),
            ("seed, brokers", f"{self.seed}, {self.brokers}"),
        ]
        width = max(len(name) for name, _ in rows)
        lines = [f"{name:<{width}}  {value}" for name, value in rows]
        verdict = "interrupted" if self.interrupted else "all good" if self.good else "NOT GOOD"
        return "\n".join([*lines, *(f"  {line}" for line in self.examples[:20]), verdict])


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items()))
