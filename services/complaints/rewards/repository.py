"""Where rewards and their ledger are kept: the interface, on MongoDB, and in memory. A write is one document, and
entries are pushed, never set."""

import threading
from collections.abc import Collection, Iterator
from typing import Any, Protocol

import msgspec
from pymongo.errors import DuplicateKeyError

from services.complaints.rewards.documents import RewardDocument
from services.complaints.rewards.domain.ledger import Entry
from services.complaints.rewards.domain.reward import Reward, Status


class Conflict(Exception):
    """Another writer was first: nothing was written."""


class RewardRepository(Protocol):
    """Rewards, each with its entries."""

    def add(self, reward: Reward) -> bool:
        """Keep a new reward; False when there is one for this case already: then nothing changes."""

    def load(self, reward_id: str) -> Reward | None: ...

    def by_voucher(self, voucher: str) -> Reward | None:
        """The reward whose newest voucher has this hash."""

    def save(self, before: Reward, after: Reward) -> None:
        """Replace a reward that is still as it was read. Raises Conflict; ValueError when an entry would change."""

    def listed(self, status: Status | None, limit: int) -> list[Reward]:
        """The newest rewards, in one status or in any."""

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """The whole ledger as (reward id, entry), each reward's in order."""

    def case_ids(self, reward_ids: Collection[str]) -> dict[str, str]:
        """Reward id -> case id, of those of `reward_ids` that there are."""


class MongoRewards:
    """Rewards in the database duban_complaints."""

    def __init__(self) -> None:
        self._indexed = False

    @property
    def _rewards(self) -> Any:
        if not self._indexed:
            RewardDocument.ensure_indexes()
            self._indexed = True
        return RewardDocument._get_collection()

    def add(self, reward: Reward) -> bool:
        try:
            self._rewards.insert_one(_document(reward))
        except DuplicateKeyError:
            return False
        return True

    def load(self, reward_id: str) -> Reward | None:
        return _reward(self._rewards.find_one({"_id": reward_id}))

    def by_voucher(self, voucher: str) -> Reward | None:
        return _reward(self._rewards.find_one({"voucher": voucher}))

    def save(self, before: Reward, after: Reward) -> None:
        new = grown(before, after)
        was, fields = _document(before), _document(after)
        changed = {name: value for name, value in fields.items() if name != "entries" and value != was.get(name)}
        update: dict[str, Any] = {"$set": changed}
        if gone := was.keys() - fields.keys():
            update["$unset"] = dict.fromkeys(gone, "")
        if new:
            update["$push"] = {"entries": {"$each": msgspec.to_builtins(new)}}
        if not self._rewards.update_one({"_id": before.reward_id, "version": before.version}, update).matched_count:
            raise Conflict(before.reward_id)

    def listed(self, status: Status | None, limit: int) -> list[Reward]:
        query = {"status": status} if status else {}
        return [r for d in self._rewards.find(query).sort("proposed_at", -1).limit(limit) if (r := _reward(d))]

    def entries(self) -> Iterator[tuple[str, Entry]]:
        for document in self._rewards.find({}, {"entries": 1}).sort("_id", 1):
            for entry in document.get("entries", ()):
                yield document["_id"], msgspec.convert(entry, Entry)

    def case_ids(self, reward_ids: Collection[str]) -> dict[str, str]:
        found = self._rewards.find({"_id": {"$in": list(reward_ids)}}, {"case_id": 1})
        return {document["_id"]: document["case_id"] for document in found}


class MemoryRewards:
    """The same in memory, for tests without a server."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.kept: dict[str, Reward] = {}

    def add(self, reward: Reward) -> bool:
        with self._lock:
            return self.kept.setdefault(reward.reward_id, reward) is reward

    def load(self, reward_id: str) -> Reward | None:
        return self.kept.get(reward_id)

    def by_voucher(self, voucher: str) -> Reward | None:
        return next((reward for reward in self.kept.values() if reward.voucher == voucher), None)

    def save(self, before: Reward, after: Reward) -> None:
        grown(before, after)
        with self._lock:
            if self.kept[before.reward_id].version != before.version:
                raise Conflict(before.reward_id)
            self.kept[before.reward_id] = after

    def listed(self, status: Status | None, limit: int) -> list[Reward]:
        found = [reward for reward in self.kept.values() if status in (None, reward.status)]
        return sorted(found, key=lambda reward: reward.proposed_at, reverse=True)[:limit]

    def entries(self) -> Iterator[tuple[str, Entry]]:
        for reward_id, reward in sorted(self.kept.items()):
            for entry in reward.entries:
                yield reward_id, entry

    def case_ids(self, reward_ids: Collection[str]) -> dict[str, str]:
        return {name: self.kept[name].case_id for name in reward_ids if name in self.kept}


def grown(before: Reward, after: Reward) -> tuple[Entry, ...]:
    """The entries that `after` has more. Raises ValueError when one that was there is another one, or gone."""
    if after.entries[: len(before.entries)] != before.entries:
        raise ValueError(f"{before.reward_id}: entries of the ledger are never changed")
    return after.entries[len(before.entries) :]


def _document(reward: Reward) -> dict[str, Any]:
    """Only what is there: a reward without a voucher is not in the index of vouchers."""
    fields: dict[str, Any] = msgspec.to_builtins(reward)
    return {"_id": fields.pop("reward_id")} | {name: value for name, value in fields.items() if value is not None}


def _reward(document: dict[str, Any] | None) -> Reward | None:
    return msgspec.convert({**document, "reward_id": document["_id"]}, Reward) if document else None
