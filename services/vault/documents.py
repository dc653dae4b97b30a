"""How identities and openings lie in MongoDB (database duban_vault). Never leaves the repository."""

from mongoengine import BinaryField, DateTimeField, Document, StringField


class IdentityDocument(Document):
    """`id` is the identity's reference. Of a shredded one neither `sealed_key` nor `box` is left."""

    meta = {
        "db_alias": "vault",
        "collection": "identities",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["case_id"], "name": "case", "cls": False},
            {"fields": ["shredded_at", "kept_at"], "name": "retention", "cls": False},
            {"fields": ["key_id"], "name": "key", "cls": False},
        ],
    }
    id = StringField(primary_key=True)
    case_id = StringField(required=True)
    kept_at = DateTimeField(required=True)
    mac = StringField(required=True)
    key_id = StringField()
    sealed_key = BinaryField()
    box = BinaryField()
    shredded_at = DateTimeField()


class OpeningDocument(Document):
    meta = {
        "db_alias": "vault",
        "collection": "openings",
        "auto_create_index": False,
        "indexes": [{"fields": ["-requested_at"], "name": "newest", "cls": False}],
    }
    id = StringField(primary_key=True)
    case_id = StringField(required=True)
    identity_ref = StringField(required=True)
    reason = StringField(required=True)
    text = StringField(required=True)
    requested_by = StringField(required=True)
    requested_at = DateTimeField(required=True)
    expires_at = DateTimeField(required=True)
    status = StringField(required=True)
    decided_by = StringField()
    decided_at = DateTimeField()
    denial = StringField()
    opened_at = DateTimeField()
    mac = StringField(required=True)
