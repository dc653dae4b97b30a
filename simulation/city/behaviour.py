"""How the city behaves: the rate of every misdeed that is planted, and who commits it. Plain numbers."""

from datetime import datetime, time, timedelta
from random import Random
from typing import Literal

import msgspec

from services.contracts.complaints import Offence
from simulation.city.registry import City, Desk
from simulation.working_days import WorkingDays

Pace = Literal["prompt", "late", "never"]


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """Shares between 0 and 1 of the cases (or steps) in which something happens."""

    late_acceptance: float = 0.06
    refused: float = 0.04
    late_dispatch: float = 0.05
    late_sign_in: float = 0.06
    returned: float = 0.10
    returned_again: float = 0.45
    passed_back: float = 0.5
    late_response: float = 0.08
    no_response: float = 0.04
    extended: float = 0.06
    late_conclusion: float = 0.12
    no_conclusion: float = 0.04
    late_reply: float = 0.06
    no_reply: float = 0.05
    verified: float = 0.45
    partly: float = 0.15
    merged: float = 0.04
    refusal_appealed: float = 0.5
    late_refusal_review: float = 0.25
    transferred: float = 0.05
    assisted: float = 0.15
    late_opinion: float = 0.15
    no_opinion: float = 0.10
    excluded: float = 0.06
    late_sign_off: float = 0.15
    no_sign_off: float = 0.06
    no_evidence: float = 0.25
    sent_back: float = 0.08
    late_correction: float = 0.12
    no_correction: float = 0.08
    late_answer_back: float = 0.10
    no_answer_back: float = 0.06
    late_call_back: float = 0.10
    no_call_back: float = 0.06
    rated_badly: float = 0.20
    late_redo: float = 0.25
    no_redo: float = 0.08
    appealed: float = 0.08
    late_review: float = 0.20
    overturned: float = 0.35
    closed: float = 0.6
    stage_overrun: float = 0.10
    legal_pause: float = 0.12
    abusive_pause: float = 0.05
    late_permit: float = 0.08
    no_decision: float = 0.03
    late_delivery: float = 0.05
    no_delivery: float = 0.02
    found: float = 0.65
    late_write_up: float = 0.10
    late_report: float = 0.15
    no_report: float = 0.10
    rejected: float = 0.20
    late_verification: float = 0.10


class Offender(msgspec.Struct, frozen=True, kw_only=True):
    """A desk that misbehaves again and again: its offence when a complaint is verified, how many times more often it is
    late, and the share of complaints that its agency returns."""

    desk: Desk
    offence: Offence
    slowness: float = 1.0
    returns: float = 0.0


SLOWNESS, RETURNS = 4.0, 0.7
OFFENCES: tuple[Offence, ...] = (
    "delay", "buck_passing", "arbitrary_inspection", "arbitrary_charge", "arbitrary_fine", "extortion", "bad_attitude",
    "obstruction", "suppression", "broken_promise", "other",
)  # fmt: skip


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """The rates, and the offenders planted by the seed: they draw `drawn` of all complaints."""

    rates: Rates
    offenders: tuple[Offender, ...]
    drawn: float = 0.35

    def returned(self, agency: str) -> float:
        """The share of complaints that `agency` returns."""
        return max([self.rates.returned, *(o.returns for o in self.offenders if o.desk.agency == agency)])

    def rate(self, name: str, desk: Desk | None = None) -> float:
        """A rate, raised for a slow desk where the step is a late one."""
        rate: float = getattr(self.rates, name)
        if desk is not None and name.startswith(("late_", "no_", "stage_overrun")):
            slow = next((o.slowness for o in self.offenders if o.desk == desk), 1.0)
            rate = min(0.8, rate * slow)
        return rate


def plant(city: City, seed: int) -> Behaviour:
    """Seven offenders chosen by the seed: two arbitrary, two rude or obstructive, two slow, one who passes the buck."""
    rng = Random(f"{seed}/offenders")
    offences: tuple[Offence, ...] = (
        "arbitrary_charge", "arbitrary_fine", "bad_attitude", "obstruction", "delay", "delay", "buck_passing",
    )  # fmt: skip
    desks = rng.sample(city.desks(), len(offences))
    return Behaviour(
        rates=Rates(),
        offenders=tuple(
            Offender(
                desk=desk,
                offence=offence,
                slowness=SLOWNESS if offence == "delay" else 1.0,
                returns=RETURNS if offence == "buck_passing" else 0.0,
            )
            for desk, offence in zip(desks, offences, strict=True)
        ),
    )


class Diary:
    """The passing of time in one case: every step lies after the one before, people's steps in office hours."""

    def __init__(self, days: WorkingDays, rng: Random, at: datetime) -> None:
        self.days, self.rng, self.at = days, rng, at

    def works(self, least: int, most: int) -> datetime:
        """The next step, `least` to `most` working days on, in office hours; 0 is today, or the next working day."""
        count = self.rng.randint(least, most)
        today = self.days.day_of(self.at)
        day = self.days.after(today, count) if count else today
        if not self.days.is_working(day):
            day = self.days.after(day, 1)
        step = self.days.instant(day, office_hour(self.rng))
        if step <= self.at:
            step = self.at + timedelta(minutes=self.rng.randint(2, 40), seconds=self.rng.randint(0, 59))
        self.at = step
        return step

    def happens(self, share: float) -> bool:
        """Whether something that happens in `share` of all cases happens in this one."""
        return self.rng.random() < share

    def pace(self, late: float, never: float = 0.0) -> Pace:
        """How the next step is done."""
        drawn = self.rng.random()
        return "never" if drawn < never else "late" if drawn < never + late else "prompt"


def office_hour(rng: Random) -> time:
    """A minute between 8:30 and 11:30 or 13:30 and 17:00."""
    minute = rng.randint(0, 390)
    minute = 510 + minute if minute < 180 else 810 + minute - 180
    return time(minute // 60, minute % 60, rng.randint(0, 59))
