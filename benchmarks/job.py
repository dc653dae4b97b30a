"""What an engine's process is told, on its command line. Free of engines."""

import sys

import msgspec


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """`state` is a folder of its own; `group` names consumer group and changelogs; `inputs` are topics."""

    brokers: str
    inputs: list[str]
    output: str
    group: str
    state: str
    interval: float  # seconds between checkpoints or commits

    @classmethod
    def given(cls) -> "Job":
        """The job in the first argument, as JSON."""
        return msgspec.json.decode(sys.argv[1], type=cls)

    def argument(self) -> str:
        return msgspec.json.encode(self).decode()
