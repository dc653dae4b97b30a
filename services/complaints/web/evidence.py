"""Files that people send with a form: read within limits, kept as evidence, and why one was not. Free of pages.

What a file is and whether it is harmless is decided in services/complaints/attachments, as over the API.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal, NamedTuple

import structlog
from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from services.complaints.attachments.kinds import NotTaken
from services.complaints.attachments.scanning import ScannerFailed
from services.complaints.attachments.service import MAX_FILE, Attachments, Full, Infected
from services.complaints.domain.deciding import PERSON
from services.complaints.inbox import Inbox
from services.complaints.inbox_schemas import Message
from services.contracts.identifiers import name_of
from services.shared.problems import Problem

FILES_AT_ONCE = 5
FIELDS_BYTES = 256 * 1024
MOST_READ = 50 * MAX_FILE
Why = Literal["file_too_large", "file_not_taken", "file_infected", "full", "scanner_failed", "too_many", "failed"]
_WHY: Mapping[type[Exception], Why] = {
    NotTaken: "file_not_taken", Infected: "file_infected", Full: "full", ScannerFailed: "scanner_failed",
}  # fmt: skip
_log = structlog.get_logger()


class NotKept(Exception):
    """A file was not kept. `why` names the reason, as the end of the key of a sentence."""

    def __init__(self, why: Why) -> None:
        super().__init__(why)
        self.why = why


class Sent(NamedTuple):
    """What became of files: how many were kept, and of the others the name that the person gave, and why not."""

    kept: int
    refused: list[tuple[str, Why]]


def files_of(form: FormData, name: str = "files") -> list[UploadFile]:
    """The files of a form; a field in which none was chosen has none."""
    return [file for file in form.getlist(name) if isinstance(file, UploadFile) and (file.filename or file.size)]


def keep(attachments: Attachments, case_id: str, by: str, file: UploadFile, key: str | None = None) -> str:
    """The reference of `file`, kept as evidence; `by` and `key` as in Attachments.take. Raises NotKept."""
    if (file.size or 0) > MAX_FILE:
        raise NotKept("file_too_large")
    try:
        return attachments.take(case_id, by, file.file, key).ref
    except tuple(_WHY) as error:
        raise NotKept(_WHY[type(error)]) from None


def add_to_filed(inbox: Inbox, attachments: Attachments, case_id: str, files: Sequence[UploadFile], key: str) -> Sent:
    """Add `files` to a complaint that has just been filed, as the person's own. Raises nothing: the person must be
    told their receipt code, whatever is wrong with a file. The same files under the same `key` are added once."""
    refs: list[str] = []
    refused: list[tuple[str, Why]] = []
    for number, file in enumerate(files):
        try:
            if number >= FILES_AT_ONCE:
                raise NotKept("too_many")
            refs.append(keep(attachments, case_id, PERSON, file, name_of("filed", key, number)))
        except NotKept as not_kept:
            refused.append((file.filename or "", not_kept.why))
        except Exception as error:
            refused.append((file.filename or "", _failed(error)))
    if refs:
        try:
            inbox.say(case_id, Message(evidence_refs=refs), name_of("filed", key, *refs))
        except Exception as error:
            return Sent(0, [(file.filename or "", _failed(error)) for file in files])
    return Sent(len(refs), refused)


def _failed(error: Exception) -> Why:
    _log.error("evidence.not_added", error=type(error).__name__)
    return "failed"


def limited(request: Request, most: int) -> Request:
    """`request` with a body that ends in a 413 problem when it has more than `most` bytes."""
    size = 0

    async def receive() -> Any:
        nonlocal size
        message = await request.receive()
        size += len(message.get("body", b""))
        if size > most:
            raise Problem(413, "The form is too large", f"at most {most >> 20} MB at once", slug="too-large")
        return message

    return Request(request.scope, receive)


@asynccontextmanager
async def patient_form(request: Request, max_fields: int) -> AsyncIterator[FormData]:
    """The form of `request`, of which no file is too large and none too many to be read past: a person who chooses a
    film of 200 MB must not lose what they wrote. Raises a 413 problem beyond MOST_READ, a 400 problem for no form."""
    request = limited(request, MOST_READ)
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        async with request.form(max_files=0, max_fields=max_fields, max_part_size=FIELDS_BYTES) as form:
            yield form
        return
    try:
        form = await _PatientParser(
            request.headers, request.stream(), max_fields=max_fields, max_part_size=FIELDS_BYTES
        ).parse()
    except MultiPartException as error:
        raise Problem(400, "The form cannot be read", error.message, slug="malformed") from None
    try:
        yield form
    finally:
        await form.close()


class _PatientParser(MultiPartParser):
    """Reads past the end of a file that is too large, and past files that are too many, keeping nothing of it."""

    _room = 0

    def on_headers_finished(self) -> None:
        super().on_headers_finished()
        self._room = MAX_FILE + 1 if self._current_files <= FILES_AT_ONCE else 0

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._current_part.file is not None:
            end = min(end, start + self._room)
            self._room -= end - start
        if end > start:
            super().on_part_data(data, start, end)
