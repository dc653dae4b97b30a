"""How the register of supervisors lies in MongoDB: codes and days, no person. Never leaves the repository."""

from mongoengine import DictField, Document, IntField, ListField, StringField


class SupervisorDocument(Document):
    """`id` is the supervisor's code."""

    meta = {"db_alias": "complaints", "collection": "supervisors", "auto_create_index": False}
    id = StringField(primary_key=True)
    body = StringField(required=True)
    group = StringField()
    terms = ListField(DictField())
    version = IntField(required=True)
