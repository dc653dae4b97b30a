"""The relays of all four sources in one process, each in a thread of its own. Compose runs one container for each."""

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
    relays = [importlib.import_module(f"services.{name}.main").create_relay(settings) for name in SOURCES]
    serve_relay(relays, host=arguments.host, port=arguments.port)


if __name__ == "__main__":
    main()
