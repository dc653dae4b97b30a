"""Every place of a running stack where something about a person could come to lie, to be searched."""

import shutil
from pathlib import Path
from typing import Any

import httpx
from kafka import KafkaConsumer
from pymongo import MongoClient

from deploy.embedded.stack import Stack
from services.shared.topic_records import records
from tests.support.canaries import Search

FOLDERS = ("kafka", "logs", "state", "checkpoints", "audit", "run", "attachments")
_WITH_METRICS = ("relay", "cases", "subjects", "notifications", "metrics", "vault")
_SERVICES = ("complaints", "approvals", "inspections", "directives")


def stolen_copy(stack: Stack, target: Path) -> Path:
    """The store's files as they are on the disk. It is stopped for it: a copy of moving files may not start."""
    stack.hold("mongo")
    try:
        shutil.copytree(stack.data / "mongo", target)
    finally:
        stack.release("mongo", 300)
    return target


def stolen_keys(stack: Stack, target: Path) -> Path:
    """The city's keys without the vault's: what lies on the machine of the web service."""
    shutil.copytree(stack.data / "keys", target, ignore=shutil.ignore_patterns("vault"))
    return target


def search_files(stack: Stack, search: Search) -> None:
    """Every file of the stack but the store's: topics, logs, states, checkpoints, heads, sealed evidence."""
    for folder in FOLDERS:
        search.folder(stack.data / folder)


def search_metrics(stack: Stack, search: Search) -> int:
    """What every process tells about itself; how many there were."""
    ports = {port for row in stack.status() for port in row.ports if row.name.startswith(_WITH_METRICS)}
    addresses = [f"http://127.0.0.1:{port}" for port in ports] + [f"{stack.http}/{name}" for name in _SERVICES]
    for address in addresses:
        answer = httpx.get(f"{address}/metrics", timeout=30)
        assert answer.status_code == 200
        search.look(f"metrics {address}", answer.content)
    return len(addresses)


def search_topics(stack: Stack, search: Search) -> list[str]:
    """Every record of every topic, dead letters among them; the topics' names."""
    consumer: Any = KafkaConsumer(bootstrap_servers=stack.brokers)
    names = sorted(consumer.topics())
    consumer.close()
    for name in names:
        for record in records(stack.brokers, name):
            search.record(f"topic {name}", record)
    return names


def search_documents(stack: Stack, search: Search) -> list[str]:
    """Every document of every database of ours; the collections' names."""
    seen = []
    with MongoClient[dict[str, Any]](stack.mongo) as client:
        for database in sorted(name for name in client.list_database_names() if name.startswith("duban_")):
            for collection in sorted(client[database].list_collection_names()):
                seen.append(f"{database}.{collection}")
                for document in client[database][collection].find({}):
                    search.document(f"{database}.{collection}", document)
    return seen
