"""Where surveys and their answers are kept: the interface, on MongoDB, and in memory. Single-document writes."""

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
from pymongo.errors import DuplicateKeyError

from services.complaints.surveys.documents import CampaignDocument, SheetDocument
from services.complaints.surveys.domain.campaign import MAX_LINKS, Answer, Campaign
from services.complaints.surveys.domain.results import Tally


class Link(NamedTuple):
    """What an open link asks about."""

    campaign_id: str
    agency: str


class SurveyRepository(Protocol):
    """Campaigns, their open links, and what was answered."""

    def add(self, campaign: Campaign) -> bool:
        """Keep a new campaign; False when there is one of this name."""

    def campaign(self, campaign_id: str) -> Campaign | None: ...

    def campaigns(self) -> list[Campaign]:
        """All of them, the last to close first."""

    def issue(self, link: Link, hashes: Sequence[str]) -> bool:
        """Open links by their hashes; False when there would be more than MAX_LINKS about the agency."""

    def link(self, hashed: str) -> Link | None:
        """The open link with this hash."""

    def accept(self, hashed: str, answer: Answer) -> bool:
        """Close the link and count the answer, in one write; False when the link is not open: then nothing changes."""

    def tallies(self, campaign_id: str) -> list[Tally]:
        """What was answered, by agency."""


class MongoSurveys:
    """Surveys in the database duban_complaints."""

    def __init__(self) -> None:
        self._indexed = False

    @property
    def _sheets(self) -> Any:
        if not self._indexed:
            SheetDocument.ensure_indexes()
            self._indexed = True
        return SheetDocument._get_collection()

    @property
    def _campaigns(self) -> Any:
        return CampaignDocument._get_collection()

    def add(self, campaign: Campaign) -> bool:
        try:
            self._campaigns.insert_one({"_id": campaign.campaign_id, "campaign": msgspec.json.encode(campaign)})
        except DuplicateKeyError:
            return False
        return True

    def campaign(self, campaign_id: str) -> Campaign | None:
        found = self._campaigns.find_one({"_id": campaign_id})
        return msgspec.json.decode(found["campaign"], type=Campaign) if found else None

    def campaigns(self) -> list[Campaign]:
        return _by_end(msgspec.json.decode(d["campaign"], type=Campaign) for d in self._campaigns.find({}))

    def issue(self, link: Link, hashes: Sequence[str]) -> bool:
        name = "/".join(link)
        empty = {"campaign_id": link.campaign_id, "agency": link.agency, "issued": 0, "open": []}
        self._sheets.update_one({"_id": name}, {"$setOnInsert": empty}, upsert=True)
        query = {"_id": name, "issued": {"$lte": MAX_LINKS - len(hashes)}}
        change = {"$push": {"open": {"$each": list(hashes)}}, "$inc": {"issued": len(hashes)}}
        return bool(self._sheets.update_one(query, change).matched_count)

    def link(self, hashed: str) -> Link | None:
        found = self._sheets.find_one({"open": hashed}, {"campaign_id": 1, "agency": 1})
        return Link(found["campaign_id"], found["agency"]) if found else None

    def accept(self, hashed: str, answer: Answer) -> bool:
        change: dict[str, Any] = {"$pull": {"open": hashed}}
        if answer.levels:
            change["$inc"] = {f"counts.{code}.{level}": 1 for code, level in answer.levels.items()}
        if answer.texts:
            # Sorted: pushed to the end they would lie in the order in which they came.
            change["$push"] = {f"texts.{code}": {"$each": [words], "$sort": 1} for code, words in answer.texts.items()}
        return bool(self._sheets.update_one({"open": hashed}, change).matched_count)

    def tallies(self, campaign_id: str) -> list[Tally]:
        found = self._sheets.find({"campaign_id": campaign_id}, {"open": 0}).sort("agency", 1)
        return [_tally(document) for document in found]


class MemorySurveys:
    """The same in memory, for tests without a server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._campaigns: dict[str, Campaign] = {}
        self.sheets: dict[Link, dict[str, Any]] = {}

    def add(self, campaign: Campaign) -> bool:
        return self._campaigns.setdefault(campaign.campaign_id, campaign) is campaign

    def campaign(self, campaign_id: str) -> Campaign | None:
        return self._campaigns.get(campaign_id)

    def campaigns(self) -> list[Campaign]:
        return _by_end(self._campaigns.values())

    def issue(self, link: Link, hashes: Sequence[str]) -> bool:
        with self._lock:
            sheet = self.sheets.setdefault(link, {"agency": link.agency, "issued": 0, "open": []})
            if sheet["issued"] + len(hashes) > MAX_LINKS:
                return False
            sheet["open"] += hashes
            sheet["issued"] += len(hashes)
            return True

    def link(self, hashed: str) -> Link | None:
        return next((link for link, sheet in self.sheets.items() if hashed in sheet["open"]), None)

    def accept(self, hashed: str, answer: Answer) -> bool:
        with self._lock:
            link = self.link(hashed)
            if link is None:
                return False
            sheet = self.sheets[link]
            sheet["open"].remove(hashed)
            for code, level in answer.levels.items():
                counts = sheet.setdefault("counts", {}).setdefault(code, {})
                counts[str(level)] = counts.get(str(level), 0) + 1
            for code, words in answer.texts.items():
                sheet.setdefault("texts", {}).setdefault(code, []).append(words)
                sheet["texts"][code].sort()
            return True

    def tallies(self, campaign_id: str) -> list[Tally]:
        found = sorted((link, sheet) for link, sheet in self.sheets.items() if link.campaign_id == campaign_id)
        return [_tally(sheet) for _, sheet in found]


def _by_end(campaigns: Any) -> list[Campaign]:
    return sorted(campaigns, key=lambda campaign: campaign.closes_at, reverse=True)


def _tally(sheet: dict[str, Any]) -> Tally:
    counts = {code: {int(level): n for level, n in row.items()} for code, row in sheet.get("counts", {}).items()}
    return Tally(agency=sheet["agency"], issued=sheet["issued"], counts=counts, texts=sheet.get("texts", {}))
