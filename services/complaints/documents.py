"""How complaints lie in MongoDB. Never leaves the repository."""

from mongoengine import (
    BinaryField,
    BooleanField,
    DictField,
    Document,
    EmbeddedDocument,
    EmbeddedDocumentField,
    IntField,
    ListField,
    StringField,
)  # fmt: skip

from services.shared.documents import CaseDocument
from services.shared.outbox import Broadcast


class WaitingIdentity(EmbeddedDocument):
    """A sealed identity (SealedIdentity) on its way to the vault: in the one write that files the complaint or gives
    the name, gone from here when the vault has it."""

    identity_ref = StringField(required=True)
    key_id = StringField(required=True)
    sealed_key = BinaryField(required=True)
    box = BinaryField(required=True)


class ComplaintDocument(CaseDocument):
    """`receipt` is a slow keyed hash of the receipt code, which itself is stored nowhere."""

    meta = {
        "db_alias": "complaints",
        "collection": "complaints",
        "indexes": [
            {"fields": ["receipt"], "unique": True, "sparse": True, "name": "receipt", "cls": False},
            {"fields": ["sealed.identity_ref"], "sparse": True, "name": "sealed", "cls": False},
            {"fields": ["untold"], "sparse": True, "name": "untold", "cls": False},
            {"fields": ["merged_into"], "sparse": True, "name": "merged_into", "cls": False},
            {"fields": ["about", "filed_at"], "sparse": True, "name": "similar", "cls": False},
            {"fields": ["supervisor", "filed_at"], "sparse": True, "name": "supervisor", "cls": False},
            {"fields": ["found", "considered"], "sparse": True, "name": "rewardable", "cls": False},
            {"fields": ["open311.service_code", "filed_at"], "sparse": True, "name": "open311", "cls": False},
            {"fields": ["timeline", "due_at", "_id"], "name": "work_by_due", "cls": False},
            {"fields": ["timeline", "holders", "due_at", "_id"], "name": "work_by_holder", "cls": False},
            {"fields": ["due_version"], "name": "due_by_version", "cls": False},
        ],
    }
    channel = StringField(required=True)
    about = StringField()
    offence = StringField()
    item = StringField()
    place = StringField()
    filed_at = IntField()
    severity = StringField()
    assisting = ListField(StringField())
    text_ref = StringField()
    their_ref = StringField()
    supervisor = StringField()
    identity_ref = StringField()
    merged_into = StringField()
    handlers = ListField(StringField())
    redos = IntField()
    appeals = IntField()
    found = BooleanField()
    correction_due = BooleanField()
    considered = BooleanField()
    untold = IntField()  # version whose reply, or merging, is not yet told to all that are merged
    receipt = StringField()
    sealed = EmbeddedDocumentField(WaitingIdentity)
    due_at = IntField()  # what services.complaints.due.Due says
    due_clock = StringField()
    due_owner = StringField()
    provisional = BooleanField()
    paused = BooleanField()
    next_step = StringField()
    holders = ListField(StringField())
    due_version = StringField()
    open311 = DictField()  # service code and, of public services, the place: what GET requests answers


class ComplaintBroadcast(Broadcast):
    meta = {"db_alias": "complaints", "collection": "ticks"}


class KeptDecree(Document):
    """A year's working days by decree (CalendarDecreedV1 as JSON), named by its version: on the log it is gone from the
    outbox, and due times need it for as long as the calendar of policies/ does not have that year."""

    meta = {"db_alias": "complaints", "collection": "decrees", "auto_create_index": False}
    id = StringField(primary_key=True)
    at = IntField(required=True)
    data = BinaryField(required=True)


class KeptClock(Document):
    """The last tick of a timeline other than live, in microseconds: once on the log, it is gone from the outbox."""

    meta = {"db_alias": "complaints", "collection": "clocks", "auto_create_index": False}
    id = StringField(primary_key=True)
    as_of = IntField(required=True)


class ComplaintText(Document):
    """What the person wrote: here alone, never on the log; events refer to it by id."""

    meta = {"db_alias": "complaints", "collection": "texts", "auto_create_index": False}
    id = StringField(primary_key=True)
    text = StringField(required=True)
