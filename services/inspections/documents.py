"""How visits lie in MongoDB. Never leaves the repository."""

from mongoengine import BooleanField, ListField, StringField

from services.shared.documents import CaseDocument
from services.shared.outbox import Broadcast


class InspectionDocument(CaseDocument):
    """A visit with the ids of its findings."""

    meta = {"db_alias": "inspections", "collection": "inspections"}
    covert = BooleanField(required=True)
    section = StringField()
    findings = ListField(StringField())


class InspectionBroadcast(Broadcast):
    meta = {"db_alias": "inspections", "collection": "ticks"}
