"""One complaint of the generated city: filed at any hour, then handled well or badly (rows A1, A2, B1-B5).

What happens after the reply is in afterwards.py.
"""

from datetime import datetime
from random import Random
from typing import Any

import msgspec

from services.contracts.complaints import (
    Channel,
    ComplaintAcceptedV1,
    ComplaintAdvisedV1,
    ComplaintAnsweredBackV1,
    ComplaintConcludedV1,
    ComplaintCorrectedV1,
    ComplaintDispatchedV1,
    ComplaintExtendedV1,
    ComplaintFiledV1,
    ComplaintMergedV1,
    ComplaintPausedV1,
    ComplaintRefusalAppealedV1,
    ComplaintRefusalReviewedV1,
    ComplaintRefusedV1,
    ComplaintRepliedV1,
    ComplaintRespondedV1,
    ComplaintResumedV1,
    ComplaintReturnedV1,
    ComplaintSignedOffV1,
    ComplaintSignedV1,
    ComplaintTransferredV1,
    Finding,
    Offence,
    RefusalReason,
    Severity,
)
from services.contracts.envelope import EventModel
from services.contracts.limits import Limit
from simulation.city.behaviour import OFFENCES, Behaviour, Diary
from simulation.city.registry import City, Desk

Steps = list[tuple[datetime, EventModel]]
_CHANNELS: tuple[Channel, ...] = (
    "hotline", "hotline", "hotline", "website", "letter", "supervision_box", "media", "petition_office", "supervisor",
    "reception_day", "email",
)  # fmt: skip
_FINDINGS: tuple[Finding, ...] = ("verified", "partly", "unfounded")
_REFUSALS: tuple[RefusalReason, ...] = (
    "not_an_agency_matter", "in_litigation", "already_answered_finally", "other_statutory_channel",
)  # fmt: skip
_GRAVE = frozenset({
    "arbitrary_inspection", "arbitrary_charge", "arbitrary_fine", "extortion", "suppression", "broken_promise",
})  # fmt: skip


class Story:
    """One complaint while it is made up: its steps so far, who handles it, and the city around it."""

    def __init__(self, city: City, behaviour: Behaviour, diary: Diary, ref: str) -> None:
        self.city, self.behaviour, self.diary, self.ref = city, behaviour, diary, ref
        self.desk, self.offence = _about(city, behaviour, diary.rng)
        self.channel = diary.rng.choice(_CHANNELS)
        self.steps: Steps = []
        self.round = 0
        self.owes_correction = self.corrected_late = False

    def then(self, least: int, most: int, data: EventModel) -> None:
        """`data` happens `least` to `most` working days on."""
        self.steps.append((self.diary.works(least, most), data))

    def happens(self, rate: str) -> bool:
        """Whether something that happens at this rate, raised for a slow desk, happens here."""
        return self.diary.happens(self.behaviour.rate(rate, self.desk))

    def done(self, step: str, prompt: tuple[int, int], late: tuple[int, int], data: EventModel) -> bool:
        """`data` comes promptly, late or never, as the rates late_… and no_… of `step` have it; whether it came."""
        pace = self.diary.pace(*(self.behaviour.rate(f"{how}_{step}", self.desk) for how in ("late", "no")))
        if pace != "never":
            self.then(*(late if pace == "late" else prompt), data)
        return pace != "never"

    @property
    def who(self) -> dict[str, Any]:
        return {"agency": self.desk.agency, "section": self.desk.section, "officer": self.desk.officer}

    @property
    def passed_on(self) -> bool:
        """Whether a body that passed it on waits for word."""
        return self.channel == "petition_office"


def begin(city: City, behaviour: Behaviour, diary: Diary, ref: str) -> Story:
    """A complaint that has been filed at the diary's instant."""
    story = Story(city, behaviour, diary, ref)
    story.steps.append((diary.at, ComplaintFiledV1(
        channel=story.channel, offence=story.offence, enterprise=f"enterprise-{diary.rng.randint(1, 400):03}",
        source_ref=ref, intake=_intake(story), **story.who)))  # fmt: skip
    return story


def take_in(story: Story) -> bool:
    """Accepted, merged or refused; whether it is to be handled. A refusal may be overturned on appeal."""
    late = story.happens("late_acceptance")
    due = (2, 4) if late else (0, 1)
    if story.diary.happens(story.behaviour.rates.refused):
        story.then(*due, ComplaintRefusedV1(
            reason=story.diary.rng.choice(_REFUSALS), handler="clerk-1", answer_back=story.passed_on))  # fmt: skip
        return _appeal_refusal(story)
    if not story.ref.endswith("-001") and story.happens("merged"):
        story.then(*due, ComplaintMergedV1(into=f"{story.ref[:-3]}001"))
        story.done("reply", (6, 10), (18, 24), ComplaintRepliedV1(lead=f"{story.ref[:-3]}001"))
        return False
    severity: Severity = "yellow" if story.offence in _GRAVE else "notice"
    story.then(*due, ComplaintAcceptedV1(severity=severity))
    return True


def hand_out(story: Story) -> None:
    """Dispatched, returned and passed on, transferred, signed in, answered a first time (row B1)."""
    _dispatch(story, *((2, 3) if story.happens("late_dispatch") else (0, 1)))
    _pass_on(story)
    if story.happens("transferred"):
        story.desk = _elsewhere(story)
        story.then(1, 2, ComplaintTransferredV1(reason="the duty lies with them", **story.who))
    helper = _elsewhere(story).agency
    assisted = story.happens("assisted")
    if assisted:
        story.then(0, 0, ComplaintTransferredV1(reason="joint handling", assisting=[helper], **story.who))
    story.then(*((2, 3) if story.happens("late_sign_in") else (0, 1)), ComplaintSignedV1(**story.who))
    story.done("response", (0, 2), (4, 6), ComplaintRespondedV1(agency=story.desk.agency))
    if assisted:
        story.done("opinion", (0, 2), (6, 8), ComplaintAdvisedV1(
            agency=helper, assisting=[helper], opinion_ref=f"{story.ref}/opinion"))  # fmt: skip
    if story.happens("excluded"):
        story.then(0, 1, ComplaintPausedV1(
            ground="appraisal", notice_ref=f"{story.ref}/notice", approved_by="office-1"))  # fmt: skip
        story.then(2, 6, ComplaintResumedV1())
    if story.happens("extended"):
        story.then(1, 3, ComplaintExtendedV1(
            limit=Limit(amount=5), approved_by="office", reason="further inquiries are needed"))  # fmt: skip


def conclude(story: Story, prompt: tuple[int, int], late: tuple[int, int]) -> bool:
    """Concluded, signed by the head where that is needed, put right where something was found; whether it may be
    replied to (rows B3, B4, B5)."""
    rates, round_ = story.behaviour.rates, story.round
    (finding,) = story.diary.rng.choices(_FINDINGS, (rates.verified, rates.partly, 1 - rates.verified - rates.partly))
    grave, found = story.offence in _GRAVE, finding != "unfounded"
    proved = found or not story.happens("no_evidence")
    data = ComplaintConcludedV1(
        finding=finding, offence=story.offence, evidence_refs=[f"{story.ref}/evidence"] if proved else [],
        severity="yellow" if grave else "notice", sign_off_required=grave, correction_due=found and not grave,
        handler=f"{story.desk.agency}-desk", **story.who,
    )  # fmt: skip
    story.round += 1
    if not story.done("conclusion" if round_ == 0 else "redo", prompt, late, data):
        return False
    if grave:
        head: dict[str, Any] = {"agency": story.desk.agency, "handler": f"{story.desk.agency}-head"}
        if story.happens("sent_back"):
            story.then(0, 2, ComplaintSignedOffV1(approved=False, reason="evidence too thin", **head))
            story.then(2, 5, data)
        if not story.done("sign_off", (0, 2), (4, 7), ComplaintSignedOffV1(correction_due=found, **head)):
            return False
    if found:
        pace = story.diary.pace(story.behaviour.rates.late_correction, story.behaviour.rates.no_correction)
        story.owes_correction = pace != "prompt"
        story.corrected_late = pace == "late"
        if pace == "prompt":
            story.then(0, 2, _correction(story))
    return True


def reply(story: Story) -> bool:
    """Replied, and word sent to the body that passed it on; whether the person has an answer."""
    data = ComplaintRepliedV1(agency=story.desk.agency, answer_back=story.passed_on)
    if not story.done("reply", (0, 2), (8, 14), data):
        return False
    if story.passed_on:
        story.done("answer_back", (0, 2), (4, 6), ComplaintAnsweredBackV1(
            channel=story.channel, their_ref=f"{story.ref}/theirs"))  # fmt: skip
    return True


def correct_late(story: Story) -> None:
    """What was verified is put right at last, by those who do it at all."""
    if story.owes_correction and story.corrected_late:
        story.then(8, 14, _correction(story))
        story.owes_correction = False


def _correction(story: Story) -> ComplaintCorrectedV1:
    return ComplaintCorrectedV1(agency=story.desk.agency, evidence_refs=[f"{story.ref}/corrected"])


def _about(city: City, behaviour: Behaviour, rng: Random) -> tuple[Desk, Offence]:
    if rng.random() < behaviour.drawn:
        offender = rng.choice(behaviour.offenders)
        return offender.desk, offender.offence
    return rng.choice(city.desks()), rng.choice(OFFENCES)


def _intake(story: Story) -> dict[str, Any]:
    """The fields of its channel (row A1)."""
    day = story.diary.days.day_of(story.diary.at).isoformat()
    supervisor = story.diary.rng.choice(story.city.supervisors).code
    fields: dict[str, dict[str, Any]] = {
        "hotline": {"call_ref": f"{story.ref}/call", "caller": "unknown"},
        "website": {"language": "zh"},
        "letter": {"letter_ref": f"{story.ref}/letter", "received_on": day, "signed": False},
        "supervision_box": {
            "box": "box-centre", "opened_at": msgspec.to_builtins(story.diary.at), "openers": ["office-1", "office-2"],
            "batch": f"box-{day}",
        },
        "media": {"outlet": "lingyuan-daily", "published_on": day, "kind": "newspaper"},
        "petition_office": {"their_ref": f"{story.ref}/theirs", "received_on": day},
        "supervisor": {"supervisor": supervisor},
        "reception_day": {"leader": "leader-1", "held_on": day, "kind": "reception"},
    }  # fmt: skip
    return fields.get(story.channel, {})


def _appeal_refusal(story: Story) -> bool:
    if not story.happens("refusal_appealed"):
        return False
    story.then(1, 3, ComplaintRefusalAppealedV1(ground="facts"))
    overturned = story.happens("overturned")
    story.then(*((6, 8) if story.happens("late_refusal_review") else (1, 4)), ComplaintRefusalReviewedV1(
        outcome="overturned" if overturned else "upheld", handler="office-2"))  # fmt: skip
    return overturned


def _dispatch(story: Story, least: int, most: int) -> None:
    story.then(least, most, ComplaintDispatchedV1(**story.who))


def _pass_on(story: Story) -> None:
    """Agencies return the complaint, up to three times, to another one or to who had it before (row B1)."""
    share = story.behaviour.returned(story.desk.agency)
    before: Desk | None = None
    for _ in range(3):
        if not story.diary.happens(share):
            break
        story.then(0, 1, ComplaintReturnedV1(agency=story.desk.agency, reason="not our responsibility"))
        back = before is not None and story.diary.happens(story.behaviour.rates.passed_back)
        before, story.desk = story.desk, before if back and before is not None else _elsewhere(story)
        _dispatch(story, *((2, 3) if story.happens("late_dispatch") else (0, 1)))
        share = story.behaviour.rates.returned_again


def _elsewhere(story: Story) -> Desk:
    return story.diary.rng.choice([d for d in story.city.desks() if d.agency != story.desk.agency])
