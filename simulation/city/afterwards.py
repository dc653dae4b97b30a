"""A complaint's whole life in the generated city, and what follows the reply: call-back, redo, appeal, closing
(row B3)."""

from services.contracts.complaints import (
    ComplaintAppealedV1,
    ComplaintCalledBackV1,
    ComplaintClosedV1,
    ComplaintReviewedV1,
)
from simulation.city.behaviour import Behaviour, Diary
from simulation.city.complaints import Steps, Story, begin, conclude, correct_late, hand_out, reply, take_in
from simulation.city.registry import City


def plan(city: City, behaviour: Behaviour, diary: Diary, ref: str) -> Steps:
    """The whole life of complaint `ref` filed at the diary's instant, as if there were no end of the simulation."""
    story = begin(city, behaviour, diary, ref)
    if not take_in(story):
        return story.steps
    hand_out(story)
    if conclude(story, (1, 4), (8, 16)) and reply(story):
        _after(story)
    return story.steps


def _after(story: Story) -> None:
    if story.happens("appealed"):
        if not _appeal(story):
            _close(story)
            return
    elif not _call_back(story):
        _close(story)
        return
    if conclude(story, (2, 8), (17, 22)) and reply(story):
        _close(story)


def _appeal(story: Story) -> bool:
    """Whether the appeal leads to a redo."""
    story.then(1, 4, ComplaintAppealedV1(ground="result"))
    overturned = story.happens("overturned")
    story.then(*((16, 20) if story.happens("late_review") else (3, 10)), ComplaintReviewedV1(
        outcome="overturned" if overturned else "upheld", redo=overturned, handler="office-3"))  # fmt: skip
    return overturned


def _call_back(story: Story) -> bool:
    """Whether the rating leads to a redo."""
    bad = story.happens("rated_badly")
    rating = story.diary.rng.randint(1, 2) if bad else story.diary.rng.randint(3, 5)
    data = ComplaintCalledBackV1(way="telephone", outcome="rated", satisfaction=rating, redo=bad)
    return story.done("call_back", (1, 3), (6, 9), data) and bad


def _close(story: Story) -> None:
    """A case is not closed while what was verified is not put right."""
    correct_late(story)
    if not story.owes_correction and story.happens("closed"):
        story.then(1, 3, ComplaintClosedV1())
