"""The complaint form (rows A1, A2): its pages in order, what was answered so far, and what is wrong with it. Pure.

What was answered travels in the form itself. Nothing is stored before the last page is sent, so nothing is known of
somebody who thought better of it, and no cookie is needed.
"""

from collections.abc import Collection, Mapping
from typing import Any, Literal

import msgspec

from services.complaints.schemas import MAX_COMPLAINT_TEXT
from services.contracts.identity import MAX_IDENTITY_FIELD

Page = Literal["text", "offence", "agency", "identity", "check"]
PAGES: tuple[Page, ...] = ("text", "offence", "agency", "identity", "check")
UNKNOWN = "unknown"
ANONYMOUSLY, NAMED = "anonymous", "named"
WHO = ("name", "phone", "email")
OFFENCES = (
    "delay", "buck_passing", "arbitrary_charge", "arbitrary_fine", "arbitrary_inspection", "arbitrary_apportionment",
    "extortion", "bad_attitude", "obstruction", "broken_promise", "other",
)  # fmt: skip


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What was answered so far; "" is not yet. `identity` is whether the person gives a name at all.

    `key` makes a filing that is sent twice one filing. It has no printable form: no log line shows who somebody is.
    """

    text: str = ""
    offence: str = ""
    agency: str = ""
    identity: str = ""
    name: str = ""
    phone: str = ""
    email: str = ""
    key: str = ""

    def __repr__(self) -> str:
        return "Answers(…)"

    def who(self) -> dict[str, str]:
        """Who the person says they are; nothing when they stay anonymous."""
        return {name: getattr(self, name) for name in WHO if self.identity == NAMED and getattr(self, name)}

    def body(self, language: str) -> dict[str, Any]:
        """The filing as the API takes it."""
        agency = {} if self.agency == UNKNOWN else {"agency": self.agency}
        who = {"identity": self.who()} if self.who() else {}
        intake = {"language": language}
        return {"channel": "website", "intake": intake, "text": self.text, "offence": self.offence, **agency, **who}


def answers_of(given: Mapping[str, Any]) -> Answers:
    """The answers in a form's fields. Line ends are made plain, so that a text sent twice is one text."""
    fields = {name: str(given.get(name, "")) for name in Answers.__struct_fields__}
    fields["text"] = fields["text"].replace("\r\n", "\n").strip()
    fields |= {name: fields[name].strip() for name in WHO}
    return Answers(**{**fields, "key": fields["key"][:64]})


def wrong(page: Page, answers: Answers, agencies: Collection[str]) -> str | None:
    """The key of the sentence that says what is wrong with the answer of `page`; None when nothing is."""
    match page:
        case "text" if not answers.text:
            return "form.text.missing"
        case "text" if len(answers.text) > MAX_COMPLAINT_TEXT:
            return "form.text.too_long"
        case "offence" if answers.offence not in OFFENCES:
            return "form.offence.missing"
        case "agency" if answers.agency != UNKNOWN and answers.agency not in agencies:
            return "form.agency.missing"
        case "identity" if answers.identity not in (ANONYMOUSLY, NAMED):
            return "form.identity.missing"
        case "identity" if answers.identity == NAMED and not answers.who():
            return "form.identity.empty"
        case "identity" if any(len(text) > MAX_IDENTITY_FIELD for text in answers.who().values()):
            return "form.identity.too_long"
    return None


def carried(page: Page) -> list[str]:
    """The answers that do not stand in `page` itself, so that its form takes them along."""
    own = ("identity", *WHO) if page == "identity" else (page,)
    return [name for name in Answers.__struct_fields__ if name not in own]


def first_wrong(answers: Answers, agencies: Collection[str]) -> Page | None:
    """The first page whose answer is missing or wrong."""
    return next((page for page in PAGES if wrong(page, answers, agencies)), None)


def following(page: Page, answers: Answers, agencies: Collection[str]) -> Page:
    """Where to go from `page`: the next one that waits for an answer, so that a change leads back to the check."""
    rest = PAGES[PAGES.index(page) + 1 :]
    return next((p for p in rest if wrong(p, answers, agencies)), "check")


def before(page: Page) -> Page | None:
    """The page before `page`."""
    return PAGES[PAGES.index(page) - 1] if page != PAGES[0] else None
