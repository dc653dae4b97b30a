"""What the OpenAPI documents say of answers: their form, and every problem that may come instead. Free of any rule."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import FastAPI
from fastapi.routing import APIRoute

from services.shared.problems import MEDIA_TYPE

JSON = "application/json"
_REFERENCE = "#/components/schemas/{name}"
_NOT_OURS = ("HTTPValidationError", "ValidationError")  # FastAPI's own form of a 422, which is a problem here
_HEADERS = {
    "Idempotency-Key": "A repeated request with the same key is answered with the first result.",
    "If-Match": "The version that the command is meant for; 412 when the case has another one.",
    "Duban-Timeline": "Role importer: the timeline of an imported log or a generated city.",
    "Duban-Occurred-At": "Role importer: when it happened there (RFC 3339).",
}


class ProblemDetails(msgspec.Struct):
    """RFC 9457. `type` names the kind, `detail` says what is wrong and what to do; some kinds have further members."""

    type: str
    title: str
    status: int
    detail: str


def described(schema: Any = None, *, command: bool = False, answer: Any = None, status: int = 200) -> dict[str, Any]:
    """What the API's description says of a route: its body, for a command on a case its headers, and the type `answer`
    of what it answers with `status`."""
    found: dict[str, Any] = {}
    if schema is not None:
        found["requestBody"] = {"required": _says_something(schema), "content": {JSON: {"schema": _schema(schema)}}}
    if command:
        found["parameters"] = [
            {"name": name, "in": "header", "required": False, "description": about, "schema": {"type": "string"}}
            for name, about in _HEADERS.items()
        ]
    if answer is not None:
        found["responses"] = {str(status): {"content": {JSON: {"schema": _schema(answer)}}}}
    return found


def referred(schemas: Iterable[Any]) -> dict[str, Any]:
    """The schemas that the descriptions of `schemas` refer to."""
    return msgspec.json.schema_components(schemas, ref_template=_REFERENCE)[1]


def describe_answers(app: FastAPI, schemas: Iterable[Any]) -> None:
    """Let the document of `app` hold `schemas`, and for each route the problems that it may answer.

    They follow from the route: a body may be no JSON or too large, a path may lead nowhere, an act may not fit the
    state. Others are named by the route itself, as FastAPI's `responses` without content.
    """
    describe, known = app.openapi, referred([*schemas, ProblemDetails])

    def openapi() -> dict[str, Any]:
        found = describe()
        shown = found.setdefault("components", {}).setdefault("schemas", {})
        shown.update(known)
        for name in _NOT_OURS:
            shown.pop(name, None)
        for route in app.routes:
            if isinstance(route, APIRoute) and route.include_in_schema:
                for method in route.methods or ():
                    _add_problems(found["paths"][route.path_format][method.lower()], route.path_format, method)
        return found

    app.openapi = openapi  # type: ignore[method-assign]


def _add_problems(operation: dict[str, Any], path: str, method: str) -> None:
    responses = operation["responses"]
    named = {int(status) for status in responses if int(status) >= 400}
    for status in sorted(named | _problems(operation, path, method)):
        responses[str(status)] = {
            "description": HTTPStatus(status).phrase, "content": {MEDIA_TYPE: {"schema": _schema(ProblemDetails)}}
        }  # fmt: skip


def _problems(operation: dict[str, Any], path: str, method: str) -> set[int]:
    found = {401, 403, 422, 503}
    if "requestBody" in operation:
        found |= {400, 413}
    if "{" in path:
        found.add(404)
    if method != "GET":
        found.add(409)
    if any(parameter["name"] == "If-Match" for parameter in operation.get("parameters", ())):
        found.add(412)
    return found


def _says_something(schema: Any) -> bool:
    """Whether a body has to be sent: one of which all may be left out may be left out itself."""
    try:
        msgspec.convert({}, schema)
    except msgspec.ValidationError:
        return True
    return False


def _schema(schema: Any) -> dict[str, Any]:
    (found,), _ = msgspec.json.schema_components([schema], ref_template=_REFERENCE)
    return found
