"""The malware hook: a command or an address that is given every file before it is kept (DUBAN_ATTACHMENT_SCANNER).

    DUBAN_ATTACHMENT_SCANNER="clamdscan --no-summary -"       exit code 0: clean, 1: infected, else: could not tell
    DUBAN_ATTACHMENT_SCANNER="http://scanner:8080/scan"       status 200-299: clean, 406: infected, else: could not tell

Without one, files are kept as "unscanned", which whoever downloads them is told.
"""

import shlex
import subprocess
from collections.abc import Callable
from typing import BinaryIO, Literal

import httpx

Verdict = Literal["clean", "infected", "unscanned"]
Scan = Callable[[BinaryIO], Verdict]
SECONDS = 60.0
_INFECTED_STATUS = 406
_PIECE = 1 << 16


class ScannerFailed(Exception):
    """The scanner could not tell. Nothing was kept; the message says what it said."""


def scanner(hook: str) -> Scan:
    """The scan that the setting `hook` names."""
    if not hook:
        return lambda _: "unscanned"
    if hook.startswith(("http://", "https://")):
        return lambda file: _ask_address(hook, file)
    command = shlex.split(hook)
    return lambda file: _ask_command(command, file)


def _ask_command(command: list[str], file: BinaryIO) -> Verdict:
    file.seek(0)
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError as error:
        raise ScannerFailed(f"the scanner could not be started: {error}") from None
    try:
        process.communicate(file.read(), timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise ScannerFailed(f"the scanner took more than {SECONDS:g} s") from None
    verdicts: dict[int, Verdict] = {0: "clean", 1: "infected"}
    if process.returncode not in verdicts:
        raise ScannerFailed(f"the scanner ended with {process.returncode}")
    return verdicts[process.returncode]


def _ask_address(address: str, file: BinaryIO) -> Verdict:
    file.seek(0)
    try:
        answer = httpx.post(address, content=iter(lambda: file.read(_PIECE), b""), timeout=SECONDS)
    except httpx.HTTPError as error:
        raise ScannerFailed(f"the scanner does not answer: {type(error).__name__}") from None
    if answer.status_code == _INFECTED_STATUS:
        return "infected"
    if not answer.is_success:
        raise ScannerFailed(f"the scanner answered {answer.status_code}")
    return "clean"
