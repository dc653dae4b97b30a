"""How the register of evidence lies in MongoDB; the files themselves lie in the store. Never leaves the repository."""

from mongoengine import BooleanField, Document, IntField, StringField


class EvidenceDocument(Document):
    """One file: `at` in microseconds, `by` an opaque account or "person", `verdict` of the malware hook."""

    meta = {
        "db_alias": "complaints",
        "collection": "evidence",
        "auto_create_index": False,
        "indexes": [{"fields": ["case_id"], "name": "case", "cls": False}],
    }
    id = StringField(primary_key=True)
    case_id = StringField(required=True)
    at = IntField(required=True)
    by = StringField(required=True)
    media_type = StringField(required=True)
    suffix = StringField(required=True)
    size = IntField(required=True)
    verdict = StringField(required=True)
    cleaned = BooleanField(required=True)


class RoomDocument(Document):
    """How much evidence a case holds, so that two uploads at once cannot pass its limit together."""

    meta = {"db_alias": "complaints", "collection": "evidence_room", "auto_create_index": False}
    id = StringField(primary_key=True)
    files = IntField(required=True)
    bytes = IntField(required=True)
