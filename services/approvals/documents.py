"""How applications and the catalogue lie in MongoDB. Never leaves the repository."""

from mongoengine import DictField, Document, IntField, ListField, StringField

from services.shared.documents import CaseDocument
from services.shared.outbox import Broadcast


class ApprovalDocument(CaseDocument):
    """An application with what the catalogue said when it was handed in."""

    meta = {"db_alias": "approvals", "collection": "approvals"}
    item = StringField(required=True)
    item_version = StringField()
    section = StringField()
    statutory_limit = DictField(null=True)
    promised_limit = DictField(null=True)
    stages = ListField(DictField())
    open_stages = ListField(StringField())


class ApprovalBroadcast(Broadcast):
    meta = {"db_alias": "approvals", "collection": "ticks"}


class ItemDocument(Document):
    """A catalogue item with every version that was ever published, the one in force last."""

    meta = {"db_alias": "approvals", "collection": "items", "auto_create_index": False}
    code = StringField(primary_key=True)
    revision = IntField(required=True)
    versions = ListField(DictField())
