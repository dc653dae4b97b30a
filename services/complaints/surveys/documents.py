"""How surveys lie in MongoDB. Never leaves the repository."""

from mongoengine import BinaryField, DictField, Document, IntField, ListField, StringField


class CampaignDocument(Document):
    """`campaign` is its JSON: never changed."""

    meta = {"db_alias": "complaints", "collection": "survey_campaigns", "auto_create_index": False}
    id = StringField(primary_key=True)
    campaign = BinaryField(required=True)


class SheetDocument(Document):
    """One agency in one campaign: the links that are still open (hashes), and of the answers the counts and the words.

    An answer takes its link out and puts itself in, in one write: nothing here joins the two, no answer has an instant,
    and the levels and the words of one enterprise are not joined either.
    """

    meta = {
        "db_alias": "complaints",
        "collection": "survey_sheets",
        "auto_create_index": False,
        "indexes": [
            {"fields": ["open"], "name": "open", "cls": False},
            {"fields": ["campaign_id"], "name": "campaign", "cls": False},
        ],
    }
    id = StringField(primary_key=True)
    campaign_id = StringField(required=True)
    agency = StringField(required=True)
    issued = IntField(required=True)
    open = ListField(StringField())
    counts = DictField()
    texts = DictField()
