"""The relays of all four sources, the forwarder of sealed identities and the proposer of rewards, each in a thread.

Compose runs one container for each source.
"""

import argparse
import importlib

from services.shared.relay import serve_relay
from services.shared.settings import Settings

SOURCES = ("complaints", "approvals", "inspections", "directives")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m deploy.embedded.relay")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9100, help="port of /metrics and /health")
    arguments = parser.parse_args()
    settings = Settings()
    mains = {name: importlib.import_module(f"services.{name}.main") for name in SOURCES}
    relays = [main.create_relay(settings) for main in mains.values()]
    beside = [mains["complaints"].create_forwarder(settings), mains["complaints"].create_proposer(settings)]
    serve_relay([*relays, *beside], host=arguments.host, port=arguments.port)


if __name__ == "__main__":
    main()
