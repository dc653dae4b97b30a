"""Between GeoReport v2 and complaints: services, requests as filings, statuses. Pure.

The specification: https://wiki.open311.org/GeoReport_v2. A service request is always "realtime": the case id is its
service_request_id, and a token is never given.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from services.complaints.domain.complaint import Complaint
from services.complaints.open311.policy import Policy, Service
from services.contracts.instants import Instant, from_micros

MOST_REQUESTS = 1000
LONGEST_SPAN = timedelta(days=90)
_YEARS = 1900, 9000
_AGENCY = "agency"
# About a kilometre: enough to tell whether two complaints may be about one matter, too coarse for a front door.
_PLACE_DIGITS = 2
_LINES = {"lat": "lat", "long": "long", "address_string": "address", "address_id": "address id", "media_url": "media"}
_ADDRESS = ("lat", "long", "address_string", "address_id", "media_url")
# What is answered is closed for the caller; it opens again with a redo or an appeal.
_STATUSES: Mapping[str, tuple[str, str, str]] = {
    "filed": ("open", "已登记", "filed"), "accepted": ("open", "已受理", "accepted"),
    "refused": ("closed", "不予受理", "refused"),
    "refusal_appealed": ("open", "不予受理复核中", "refusal under appeal"),
    "refusal_upheld": ("closed", "维持不予受理", "refusal upheld"), "merged": ("open", "已合并", "merged"),
    "dispatched": ("open", "已派单", "dispatched"), "signed": ("open", "已签收", "signed in"),
    "paused": ("open", "暂停计时", "paused"), "returned": ("open", "已退单", "returned to the office"),
    "awaiting_sign_off": ("open", "待负责人签批", "awaiting sign-off"), "concluded": ("open", "已办结", "concluded"),
    "replied": ("closed", "已答复", "replied"), "called_back": ("closed", "已回访", "called back"),
    "redo": ("open", "重办", "handled again"), "appealed": ("open", "复核中", "under appeal"),
    "upheld": ("closed", "维持结论", "conclusion upheld"), "closed": ("closed", "已结案", "closed"),
}  # fmt: skip


class Wrong(ValueError):
    """A request that the specification does not allow. `status` is its HTTP status."""

    def __init__(self, status: int, description: str) -> None:
        super().__init__(description)
        self.status = status


class Filing(NamedTuple):
    """`body` is the filing as the API takes it, `beside` what the document keeps for answers to GET requests."""

    body: dict[str, Any]
    beside: dict[str, str]


class Period(NamedTuple):
    """From `first` to `last`."""

    first: datetime
    last: datetime


def listed(policy: Policy, language: str) -> list[dict[str, Any]]:
    """GET services."""
    return [
        {
            "service_code": s.code, "service_name": s.name(language),
            "description": f"{policy.groups[s.group].get(language, '')}: {s.name(language)}",
            "metadata": s.agency is None, "type": "realtime", "keywords": f"{s.zh}, {s.en}",
            "group": policy.groups[s.group].get(language, ""),
        }
        for s in policy.services
    ]  # fmt: skip


def definition(policy: Policy, service: Service, language: str) -> dict[str, Any]:
    """GET service definition: which agency it is about, where the item does not say so. Nobody has to answer."""
    asked = {
        "variable": True, "code": _AGENCY, "datatype": "singlevaluelist", "required": False,
        "datatype_description": "", "order": 1,
        "description": "Which agency is it about?" if language == "en" else "涉及哪个单位？",
        "values": [{"key": code, "name": words.get(language, code)} for code, words in policy.agencies.items()],
    }  # fmt: skip
    return {"service_code": service.code, "attributes": [asked] if service.agency is None else []}


def filing(policy: Policy, fields: Mapping[str, str]) -> Filing:
    """POST requests: the filing that `fields` of the form ask for. Raises Wrong.

    device_id and account_id are not kept: no device and no account is ever followed. A location may be left out:
    nothing is refused for its form.
    """
    code = fields.get("service_code", "")
    if not code:
        raise Wrong(400, "service_code was not provided")
    service = policy.service(code)
    if service is None:
        raise Wrong(404, f"service_code {code[:40]} was not found")
    agency = service.agency or fields.get(f"attribute[{_AGENCY}]") or None
    if agency and service.agency is None and agency not in policy.agencies:
        raise Wrong(400, f"attribute[{_AGENCY}]: there is no {agency[:40]}")
    place = _place(fields.get("lat", ""), fields.get("long", ""))
    body = {
        "channel": "open311", "offence": service.offence, "item": service.item, "agency": agency, "place": place,
        "text": _text(fields), "intake": {"service_code": code}, "identity": _identity(fields),
    }  # fmt: skip
    beside = {name: fields[name] for name in _ADDRESS if fields.get(name)} if service.public else {}
    return Filing({k: v for k, v in body.items() if v}, {"service_code": code, **beside})


def request(
    case: Complaint, kept: Mapping[str, str], policy: Policy, text: str | None, language: str
) -> dict[str, Any]:  # fmt: skip
    """GET requests: how `case` stands. Of what is not public: status and dates alone, and nothing ever of a person."""
    service = policy.service(kept["service_code"])
    status, zh, en = _STATUSES[case.status]
    public = service is not None and service.public
    shown = kept if public else {}
    agency = policy.agencies.get(case.agency or "", {}).get(language, "") if public else ""
    return {
        "service_request_id": case.case_id, "status": status, "status_notes": en if language == "en" else zh,
        "service_name": service.name(language) if service else "", "service_code": kept["service_code"],
        "description": (text or "") if public else "", "agency_responsible": agency, "service_notice": "",
        "requested_datetime": w3c(from_micros(case.filed_at)), "updated_datetime": w3c(from_micros(case.last_at)),
        "expected_datetime": "", "address": shown.get("address_string", ""),
        "address_id": shown.get("address_id", ""), "zipcode": "", "lat": shown.get("lat", ""),
        "long": shown.get("long", ""), "media_url": shown.get("media_url", ""),
    }  # fmt: skip


def statuses(wanted: Sequence[str]) -> list[str]:
    """The statuses of a complaint that are "open" or "closed" as `wanted` asks; nothing asked for is all of them."""
    return [status for status, (shown, _, _) in _STATUSES.items() if not wanted or shown in wanted]


def names(given: str) -> list[str]:
    """The values of a comma-delimited argument."""
    return [name.strip() for name in given.split(",") if name.strip()]


def period(start: str, end: str, now: datetime) -> Period:
    """The span that start_date and end_date ask for: the last 90 days when neither is given. Raises Wrong."""
    first, last = _instant("start_date", start), _instant("end_date", end)
    if first is None:
        last = last or now
        first = last - LONGEST_SPAN
    elif last is None:
        last = min(now, first + LONGEST_SPAN) if first < now else first
    if last - first > LONGEST_SPAN:
        raise Wrong(400, "start_date and end_date span more than 90 days")
    return Period(first, last)


def w3c(at: datetime) -> str:
    """`at` as the specification writes instants: 1994-11-05T13:15:30Z."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _instant(name: str, given: str) -> datetime | None:
    if not given:
        return None
    try:
        found = msgspec.convert(given, Instant)
    except msgspec.ValidationError:
        found = None
    if found is None or not _YEARS[0] <= found.year <= _YEARS[1]:
        raise Wrong(400, f"{name}: an instant such as 2010-01-01T00:00:00Z was expected")
    return found


def _place(lat: str, long: str) -> str | None:
    """The place rounded; None without one. Both are needed, and have to lie on the earth."""
    if not lat and not long:
        return None
    try:
        north, east = float(lat), float(long)
    except ValueError:
        north = east = math.nan
    if not (abs(north) <= 90 and abs(east) <= 180):
        raise Wrong(400, "lat and long: both are needed, in degrees (WGS84)")
    return f"{north:.{_PLACE_DIGITS}f},{east:.{_PLACE_DIGITS}f}"


def _text(fields: Mapping[str, str]) -> str:
    """What was written and where it is, as whoever handles the case reads it."""
    lines = [f"{about}: {fields[name]}" for name, about in _LINES.items() if fields.get(name)]
    return "\n\n".join(part for part in (fields.get("description", "").strip(), "\n".join(lines)) if part)


def _identity(fields: Mapping[str, str]) -> dict[str, str]:
    # Family name first, as it is written here; between Latin letters a space.
    name = [fields.get("last_name", "").strip(), fields.get("first_name", "").strip()]
    found = {
        "name": (" " if all(part.isascii() for part in name) else "").join(name).strip(),
        "phone": fields.get("phone", "").strip(), "email": fields.get("email", "").strip(),
    }  # fmt: skip
    return {field: value for field, value in found.items() if value}
