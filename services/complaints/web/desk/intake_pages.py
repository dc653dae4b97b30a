"""The intake desk (/desk/intake, row A1): a case by keyboard, its receipt code to be read out, and what comes next."""

import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool

from services.complaints.domain.complaint import Complaint
from services.complaints.domain.duplicates import Similar
from services.complaints.domain.receipt_code import grouped
from services.complaints.receipts import Receipts
from services.complaints.supervisors.domain.supervisor import Supervisor, term_at
from services.complaints.web.commands import Commands
from services.complaints.web.desk import channels
from services.complaints.web.desk.intake import OFFENCES, WHO, Sheet, Wrong
from services.complaints.web.desk.pages import DeskPages
from services.contracts.complaints import ComplaintFiledV1
from services.contracts.envelope import LIVE
from services.contracts.instants import to_micros
from services.contracts.lifecycle import Refused
from services.shared.access import Principal, reach
from services.shared.auth import require
from services.shared.commands import Conflict, NotFound
from services.shared.problems import Problem
from services.shared.web.words import CITY_ZONE

_FORM_BYTES = 256 * 1024
_MOST_SIMILAR = 5
_STEPS = ("accept", "dispatch", "merge")
Clerk = Annotated[Principal, Depends(require("complaints.desk.intake"))]


def routes(
    pages: DeskPages, commands: Commands, receipts: Receipts, supervisors: Callable[[], list[Supervisor]],
    clock: Callable[[], datetime],
) -> APIRouter:  # fmt: skip
    """The form, what is like it, and the receipt."""
    router = APIRouter(route_class=pages.route_class())
    desk = IntakeDesk(commands, receipts, clock)

    def form(request: Request, sheet: Sheet, wrong: Mapping[str, str], status: int = 200, **more: Any) -> Response:
        now = clock()
        in_office = [supervisor for supervisor in supervisors() if term_at(supervisor, now)]
        return pages.render(
            request, "intake.html", status, sheet=sheet, wrong=Wrong(wrong), error=bool(wrong), ids=_ids(sheet),
            focus="" if wrong else _focus(sheet), channels=channels.FIELDS, keys=channels.KEYS, offences=OFFENCES,
            who_fields=WHO, supervisors=in_office,
            today=now.astimezone(CITY_ZONE).date().isoformat(), **{"refusal": "", **more},
        )  # fmt: skip

    def receipt(request: Request, clerk: Principal, key: str, status: int = 200, **more: Any) -> Response:
        shown = desk.receipt(clerk, key)
        return pages.render(
            request, "intake_receipt.html", status, key=key, most=_MOST_SIMILAR, may=shown.pop("may"),
            **{"error": "", "field": "", "done": "", "unit": "", **shown, **more},
        )  # fmt: skip

    @router.get("/desk/intake", include_in_schema=False)
    def begun(request: Request, clerk: Clerk) -> Response:
        given = {**dict(request.query_params), "key": secrets.token_hex(16)}
        return form(request, Sheet(given, pages.registry), {})

    @router.post("/desk/intake/similar", include_in_schema=False)  # in a body: addresses are logged on the way
    async def similar(
        request: Request, clerk: Annotated[Principal, Depends(require("complaints.similar"))]
    ) -> Response:  # fmt: skip
        async with request.form(max_files=0, max_fields=5) as given:
            sheet = Sheet(dict(given), pages.registry)
        found = await run_in_threadpool(desk.similar, sheet)
        return pages.render(request, "intake_similar.html", sheet=sheet, found=found[:_MOST_SIMILAR])

    @router.post("/desk/intake", include_in_schema=False)
    async def filed(request: Request, clerk: Clerk) -> Response:
        async with request.form(max_files=0, max_fields=60, max_part_size=_FORM_BYTES) as given:
            sheet, go = Sheet(dict(given), pages.registry), str(given.get("go", ""))
        if go != "file":  # another channel was chosen where no script shows its fields
            return await run_in_threadpool(form, request, sheet, {})
        if wrong := sheet.mistakes(clock().astimezone(CITY_ZONE).date()):
            return await run_in_threadpool(form, request, sheet, wrong, 422)
        try:
            await run_in_threadpool(commands.file, clerk, sheet.body(), sheet["key"])
        except Refused as refused:
            field = "supervisor" if sheet.channel == "supervisor" else "text"
            return await run_in_threadpool(form, request, sheet, {field: _said(refused)}, 409, refusal=refused.detail)
        except Problem as problem:
            if problem.status not in (422, 503):
                raise
            wrong = {"name": "wrong.custodians"} if problem.status == 503 else {"text": "wrong.other"}
            return await run_in_threadpool(
                form, request, sheet, wrong, problem.status, refusal=problem.detail
            )  # fmt: skip
        return await run_in_threadpool(receipt, request, clerk, sheet["key"])

    @router.post("/desk/intake/receipt", include_in_schema=False)
    async def next_step(request: Request, clerk: Clerk) -> Response:
        async with request.form(max_files=0, max_fields=10) as given:
            typed = {name: str(given.get(name, "")).strip() for name in ("key", "do", "into", "unit")}
        sheet = Sheet({"unit": typed["unit"]}, pages.registry)
        if typed["do"] == "dispatch" and sheet.unit is None:
            error = "wrong.unit_several" if sheet.units else "wrong.unit" if typed["unit"] else "wrong.needed"
            more = {"error": error, "field": "unit", "unit": typed["unit"]}
            return await run_in_threadpool(receipt, request, clerk, typed["key"], 422, **more)
        try:
            await run_in_threadpool(desk.step, clerk, typed, sheet)
        except (Refused, Conflict):
            return await run_in_threadpool(receipt, request, clerk, typed["key"], 409, error="receipt.moved_on")
        return await run_in_threadpool(receipt, request, clerk, typed["key"], done=typed["do"])

    return router


class IntakeDesk:
    """What a clerk does around a filing. The receipt is found again by the key of the form that made it: the code is
    kept nowhere, and only the account that filed can make it again."""

    def __init__(self, commands: Commands, receipts: Receipts, clock: Callable[[], datetime]) -> None:
        self._commands, self._receipts, self._clock = commands, receipts, clock
        self._service = commands.service

    def similar(self, sheet: Sheet) -> list[Similar]:
        """What may be about the same matter as the form as it stands."""
        if sheet.unit is None:
            return []
        draft = msgspec.structs.replace(
            self._service.new_case("draft", LIVE, None), about=sheet.unit.agency.code, place=sheet["place"] or None,
            offence=sheet["offence"] or "other", filed_at=to_micros(self._clock()),
        )  # fmt: skip
        return self._service.similar_to(draft)

    def receipt(self, clerk: Principal, key: str) -> dict[str, Any]:
        """What the receipt shows of the case that the form with `key` filed. Raises NotFound."""
        code, case_id = self._holding(clerk, key)
        stored, history = self._service.read(case_id, reach("complaints.read", clerk))
        case, filed = stored.case, msgspec.json.decode(history[0].data, type=ComplaintFiledV1)
        may = {step for step in _STEPS if self._commands.may(clerk, step, case.status)}
        if "accept" in may and self._commands.may(clerk, "dispatch", "accepted"):
            may.add("dispatch")
        kept = channels.kept(case.channel, filed.intake) if case.channel in channels.FIELDS else {}
        following = urlencode({"channel": case.channel, **kept})
        similar = [one for one in self._service.similar(case_id) if _may_lead(one, case)]
        return {
            "code": grouped(code), "case": case, "filed": filed, "may": may, "following": following,
            "similar": similar if "merge" in may else [],
        }  # fmt: skip

    def step(self, clerk: Principal, typed: Mapping[str, str], sheet: Sheet) -> None:
        """Accept, dispatch (accepting first), or merge. Raises what a command raises, ValueError for anything else."""
        if typed["do"] not in _STEPS:
            raise ValueError("no such step")
        _, case_id = self._holding(clerk, typed["key"])
        stored = self._service.cases.load(case_id)
        if stored is None:
            raise NotFound(case_id)
        if typed["do"] == "merge":
            self._do(clerk, "merge", {"into": typed["into"]}, typed["key"], case_id)
            return
        if typed["do"] == "accept" or stored.case.status == "filed":
            self._do(clerk, "accept", {}, typed["key"], case_id)
        if typed["do"] == "dispatch" and sheet.unit:
            lead = {"agency": sheet.unit.agency.code, "section": sheet.unit.section_code}
            self._do(clerk, "dispatch", lead, typed["key"], case_id)

    def _do(self, clerk: Principal, command: str, body: dict[str, Any], key: str, case_id: str) -> None:
        self._commands.do(clerk, command, body, f"{key}-{command}", case_id)

    def _holding(self, clerk: Principal, key: str) -> tuple[str, str]:
        """The code of the form with `key`, and its case. Raises NotFound."""
        code = self._receipts.code(clerk.subject, key) if key else ""
        case_id = self._service.holding(code)
        if case_id is None:
            raise NotFound(key)
        return code, case_id


def _ids(sheet: Sheet) -> dict[str, str]:
    """Field of the chosen channel -> its id in the page: several channels have fields of one name."""
    return {field.name: f"{sheet.channel}-{field.name}" for field in channels.FIELDS[sheet.channel]}


def _focus(sheet: Sheet) -> str:
    """Where typing begins: the first empty field that the channel needs, else what happened."""
    needed = [field.name for field in channels.FIELDS[sheet.channel] if field.needed and not sheet[field.name]]
    return _ids(sheet)[needed[0]] if needed else "text"


def _may_lead(one: Similar, case: Complaint) -> bool:
    """A complaint is merged into one that was filed earlier and is handled itself."""
    handled = one.merged_into is None and not one.status.startswith("refus")
    return handled and (one.filed_at, one.case_id) < (case.filed_at, case.case_id)


def _said(refused: Refused) -> str:
    return "wrong.no_term" if refused.slug == "no-active-term" else "wrong.other"
