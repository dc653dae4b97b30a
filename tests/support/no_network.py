"""No way out: connections over IP and Kafka clients of librdkafka are refused and written down."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

_connect = socket.socket.connect


@contextmanager
def no_network() -> Iterator[list[str]]:
    """Within it every attempt is refused; the list names them. A library that hides its errors is found out so too."""
    attempts: list[str] = []

    def refuse(sock: socket.socket, address: Any) -> None:
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            attempts.append(str(address))
            raise ConnectionRefusedError(f"this test may not connect to {address}")
        _connect(sock, address)

    def refuse_kafka(*_: object, **__: object) -> None:
        attempts.append("Kafka through librdkafka")
        raise ConnectionRefusedError("this test may not connect to Kafka")

    with (
        mock.patch.object(socket.socket, "connect", refuse),
        mock.patch.object(socket.socket, "connect_ex", refuse),
        mock.patch("confluent_kafka.Producer", refuse_kafka),
        mock.patch("confluent_kafka.Consumer", refuse_kafka),
        mock.patch("confluent_kafka.admin.AdminClient", refuse_kafka),
    ):
        yield attempts
