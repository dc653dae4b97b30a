"""The AsyncAPI 3.0 document of the log: a channel per topic, an operation per service on it. Free of I/O."""

from collections.abc import Iterable
from typing import Any

from services.contracts.json_schema import ENVELOPE
from services.contracts.registry import MODELS, topic_models
from services.contracts.topics import TOPICS, Topic

_ABOUT = (
    "Every record is one CloudEvents 1.0 event in structured JSON. Its key is its subject, so all of a case lies "
    "in one partition, in order. Delivery is at least once: consumers know a repeated event by its id and sequence, "
    "and ignore fields they do not know. Ticks (clock.ticked.v1) lie in every partition and are the only clock."
)


def document(version: str, schemas: str) -> dict[str, Any]:
    """The document. `schemas` is the folder of the JSON Schemas as seen from it ("../services/contracts/schemas")."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Duban",
            "version": version,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": dict(operation for topic in TOPICS for operation in _operations(topic)),
        "components": {"messages": {event_type: _message(event_type, schemas) for event_type in MODELS}},
    }


def _channel(topic: Topic) -> dict[str, Any]:
    return {
        "address": topic.name,
        "description": topic.about,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in topic_models(topic.name)},
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": {"cleanup.policy": [topic.cleanup], "retention.ms": topic.retention_ms},
                "bindingVersion": "0.5.0",
            }
        },
        "x-key": topic.key,
        "x-producers": list(topic.producers),
        "x-consumers": list(topic.consumers),
    }


def _operations(topic: Topic) -> Iterable[tuple[str, dict[str, Any]]]:
    channel = {"$ref": f"#/channels/{topic.name}"}
    for service in topic.producers:
        yield f"{service} sends {topic.name}", {"action": "send", "channel": channel, "tags": [{"name": service}]}
    for service in topic.consumers:
        yield f"{service} receives {topic.name}", {"action": "receive", "channel": channel, "tags": [{"name": service}]}


def _message(event_type: str, schemas: str) -> dict[str, Any]:
    about = " ".join((MODELS[event_type].__doc__ or "").split())
    return {
        "name": event_type,
        **({"summary": about} if about else {}),
        "contentType": "application/cloudevents+json",
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {
                "allOf": [
                    {"$ref": f"{schemas}/{ENVELOPE}.json"},
                    {
                        "properties": {
                            "type": {"const": event_type},
                            "data": {"$ref": f"{schemas}/{event_type}.json"},
                        }
                    },
                ]
            },
        },
    }
