"""The schema of case documents: state, version, outbox, history and first answers in one, for one write (rule 2).

Every service's document extends `CaseDocument` with the fields of its own case; none leaves a repository.
"""

from typing import Any

from mongoengine import (
    BinaryField,
    Document,
    EmbeddedDocument,
    EmbeddedDocumentField,
    EmbeddedDocumentListField,
    IntField,
    StringField,
)  # fmt: skip

from services.shared.outbox import OutboxEntry, Pending


class HistoryEntry(EmbeddedDocument):
    """One event as a reader of the case sees it; `data` is its JSON, `by` an opaque account."""

    sequence = IntField(required=True)
    id = StringField(required=True)
    type = StringField(required=True)
    at = IntField(required=True)
    by = StringField(required=True)
    data = BinaryField(required=True)


class ResultEntry(EmbeddedDocument):
    """The first answer to an Idempotency-Key: `key` is the name of (account, key), `digest` that of the request."""

    key = StringField(required=True)
    digest = StringField(required=True)
    answer = BinaryField(required=True)


class CaseDocument(Document):
    """What every service's case document has."""

    meta: dict[str, Any] = {
        "abstract": True,
        "auto_create_index": False,
        "indexes": [{"fields": ["pending.timeline", "pending.at"], "sparse": True, "name": "pending", "cls": False}],
    }
    id = StringField(primary_key=True)
    version = IntField(required=True)
    timeline = StringField(required=True)
    source_ref = StringField()
    status = StringField(required=True)
    sequence = IntField(required=True)
    last_at = IntField(required=True)
    agency = StringField()
    outbox = EmbeddedDocumentListField(OutboxEntry)
    history = EmbeddedDocumentListField(HistoryEntry)
    results = EmbeddedDocumentListField(ResultEntry)
    pending = EmbeddedDocumentField(Pending)
