"""How rewards lie in MongoDB, each with its entries of the ledger. Never leaves the repository."""

from mongoengine import DictField, Document, IntField, ListField, StringField


class RewardDocument(Document):
    """The fields of Reward; instants are texts (ISO 8601), to the microsecond."""

    meta = {
        "db_alias": "complaints",
        "collection": "rewards",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["status", "-proposed_at"], "name": "status", "cls": False},
            {"fields": ["voucher"], "sparse": True, "name": "voucher", "cls": False},
        ],
    }
    id = StringField(primary_key=True)
    case_id = StringField(required=True)
    amount_fen = IntField(required=True)
    severity = StringField(required=True)
    offence = StringField(required=True)
    finding = StringField(required=True)
    policy_version = StringField(required=True)
    proposed_at = StringField(required=True)
    status = StringField(required=True)
    version = IntField(required=True)
    endorsed_by = StringField()
    approved_by = StringField()
    reason = StringField()
    claim_until = StringField()
    voucher = StringField()
    voucher_until = StringField()
    paid_by = StringField()
    entries = ListField(DictField())
