"""How directives lie in MongoDB. Never leaves the repository."""

from mongoengine import IntField, StringField

from services.shared.documents import CaseDocument
from services.shared.outbox import Broadcast


class DirectiveDocument(CaseDocument):
    """An order with what it came from: an alert, a complaint, a visit."""

    meta = {"db_alias": "directives", "collection": "directives"}
    order = StringField(required=True)
    origin_ref = StringField()
    reports = IntField(required=True)


class DirectiveBroadcast(Broadcast):
    meta = {"db_alias": "directives", "collection": "ticks"}
