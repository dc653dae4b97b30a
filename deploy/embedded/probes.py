"""Is it ready? Asked in each server's own protocol: Kafka metadata, Mongo hello, an HTTP readiness route."""

import socket
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

from deploy.embedded.processes import Spec

_SECONDS = 2.0


def ready(spec: Spec) -> tuple[bool, str]:
    """(True, what answered) or (False, why not) for a process that is believed to be running."""
    kind, _, rest = spec.probe.partition(":")
    if kind == "kafka":
        port, node, brokers = rest.split(":")
        return kafka(int(port), int(node), int(brokers))
    if kind == "mongo":
        return mongo(int(rest))
    if kind == "http":
        return http(rest)
    return True, "process runs"


def kafka(port: int, node: int, brokers: int) -> tuple[bool, str]:
    """The broker answers a metadata request, knows a controller, and sees itself and all of its `brokers` peers."""
    if not port_answers(port):  # it starts: librdkafka would only wait and try again
        return False, f"nothing listens on port {port}"
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    settings: dict[str, Any] = {
        "bootstrap.servers": f"127.0.0.1:{port}", "socket.timeout.ms": 2000, "log_level": 0, "logger": _SILENT,
    }  # fmt: skip
    try:
        metadata = AdminClient(settings).list_topics(timeout=_SECONDS)
    except KafkaException as error:
        return False, f"no metadata from port {port}: {error.args[0].str()}"
    if metadata.controller_id < 0 or node not in metadata.brokers or len(metadata.brokers) < brokers:
        return False, f"brokers registered: {sorted(metadata.brokers)} of {brokers}"
    return True, f"{len(metadata.brokers)} brokers, {len(metadata.topics)} topics"


def mongo(port: int) -> tuple[bool, str]:
    """The server answers hello as a writable primary."""
    from pymongo import MongoClient
    from pymongo.errors import PyMongoError

    milliseconds = int(_SECONDS * 1000)
    client: MongoClient = MongoClient(  # type: ignore[type-arg]
        "127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=milliseconds, connectTimeoutMS=milliseconds,
        socketTimeoutMS=milliseconds,
    )  # fmt: skip
    try:
        hello = client.admin.command("hello")
    except PyMongoError as error:
        return False, f"no hello from port {port}: {str(error)[:120]}"
    finally:
        client.close()
    return bool(hello.get("isWritablePrimary")), f"wire version {hello.get('maxWireVersion')}"


def http(url: str) -> tuple[bool, str]:
    """The route answers 2xx. Asked ten times a second while a stack starts: httpx would take longer than the answer."""
    to = urlsplit(url)
    connection = HTTPConnection(to.hostname or "", to.port, timeout=_SECONDS)
    try:
        connection.request("GET", to.path)
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
    except (OSError, HTTPException) as error:
        return False, f"no answer from {url}: {type(error).__name__}"
    finally:
        connection.close()
    good, detail = 200 <= answer.status < 300, f"HTTP {answer.status} from {url}"
    return good, detail if good else f"{detail}: {text[:200]}"


def port_free(port: int) -> bool:
    """True when this machine's loopback port can be bound now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def port_answers(port: int) -> bool:
    """True when something accepts connections on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class _Silent:
    """librdkafka reports refused connections through the logger; here they are the answer, not news."""

    def log(self, *_: object) -> None:
        pass


_SILENT = _Silent()
