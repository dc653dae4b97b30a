"""How complaints lie in MongoDB. Never leaves the repository."""

from mongoengine import Document, ListField, StringField

from services.shared.documents import CaseDocument
from services.shared.outbox import Broadcast


class ComplaintDocument(CaseDocument):
    """`receipt` is a slow keyed hash of the receipt code, which itself is stored nowhere."""

    meta = {
        "db_alias": "complaints",
        "collection": "complaints",
        "indexes": [{"fields": ["receipt"], "unique": True, "sparse": True, "name": "receipt", "cls": False}],
    }
    channel = StringField(required=True)
    about = StringField()
    assisting = ListField(StringField())
    text_ref = StringField()
    receipt = StringField()


class ComplaintBroadcast(Broadcast):
    meta = {"db_alias": "complaints", "collection": "ticks"}


class ComplaintText(Document):
    """What the person wrote: here alone, never on the log; events refer to it by id."""

    meta = {"db_alias": "complaints", "collection": "texts", "auto_create_index": False}
    id = StringField(primary_key=True)
    text = StringField(required=True)
