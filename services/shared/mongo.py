"""Connections to the document store, one mongoengine alias a service. Free of any document."""

from mongoengine import connect, disconnect, get_connection
from pymongo import MongoClient

from services.shared.settings import Settings

# Whoever waits longer than this is answered 503; the same Idempotency-Key finds out later whether it was done.
# Acknowledged is in the journal of a majority.
_OPTIONS = {
    "serverSelectionTimeoutMS": 3000, "connectTimeoutMS": 3000, "socketTimeoutMS": 30000, "tz_aware": True,
    "w": "majority", "journal": True,
}  # fmt: skip
_hosts: dict[str, str] = {}


def connect_store(settings: Settings, service: str) -> MongoClient:
    """Register the alias `service` for database duban_`service` and return its client. Repeating it is harmless.

    Nothing is sent yet: the first command finds out whether the server is there.
    """
    if _hosts.get(service) == settings.mongo:
        return get_connection(service)
    if service in _hosts:
        disconnect(service)
    client = connect(f"duban_{service}", alias=service, host=settings.mongo, uuidRepresentation="standard", **_OPTIONS)
    _hosts[service] = settings.mongo
    return client
