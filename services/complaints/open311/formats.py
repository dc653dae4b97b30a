"""JSON and XML of GeoReport v2: the same answer in both. Free of HTTP and of any rule."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from xml.etree import ElementTree

import msgspec

Format = Literal["json", "xml"]
FORMATS: tuple[Format, ...] = ("json", "xml")
MEDIA_TYPES: Mapping[Format, str] = {"json": "application/json; charset=utf-8", "xml": "text/xml; charset=utf-8"}
# What a list holds, by the name of the list.
_ONE_OF = {
    "services": "service", "attributes": "attribute", "values": "value", "service_requests": "request",
    "errors": "error", "endpoints": "endpoint", "formats": "format",
}  # fmt: skip
# XML 1.0 has no way to write these at all.
_NO_XML = dict.fromkeys((*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)))


def written(root: str, answer: Any, form: Format) -> bytes:
    """`answer` in the format asked for; `root` names its outermost element in XML."""
    if form == "json":
        return msgspec.json.encode(answer)
    return ElementTree.tostring(_element(root, answer), encoding="utf-8", xml_declaration=True)


def errors(status: int, description: str) -> list[dict[str, Any]]:
    """An error as the specification writes it."""
    return [{"code": status, "description": description}]


def _element(name: str, value: Any) -> ElementTree.Element:
    element = ElementTree.Element(name)
    if isinstance(value, Mapping):
        element.extend(_element(key, inner) for key, inner in value.items())
    elif isinstance(value, Sequence) and not isinstance(value, str):
        element.extend(_element(_ONE_OF[name], inner) for inner in value)
    elif isinstance(value, bool):
        element.text = "true" if value else "false"
    elif value not in (None, ""):
        element.text = str(value).translate(_NO_XML)
    return element
