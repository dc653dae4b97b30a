"""/desk/rewards/_ledger: the ledger of rewards as a whole, by case, page by page, and the same as a table (row A4)."""

from collections.abc import Iterator
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from services.complaints.rewards.domain.ledger import ACCOUNTS
from services.complaints.rewards.service import RewardService
from services.complaints.web.desk.cases.views import ref_of
from services.complaints.web.desk.offices.ledger import COLUMNS, Line, lines, page, totals
from services.complaints.web.desk.pages import DeskPages
from services.shared.access import Principal
from services.shared.auth import require
from services.shared.web import tables

MAX_TYPED = 100
Reader = Annotated[Principal, Depends(require("complaints.rewards.ledger"))]


def routes(pages: DeskPages, rewards: RewardService) -> APIRouter:
    """The ledger, and the ledger as CSV."""
    router = APIRouter(route_class=pages.route_class())

    def found(case: str) -> list[Line]:
        ledger = rewards.ledger()
        return lines(ledger, rewards.case_ids({booked.reward_id for booked in ledger.entries}), case)

    @router.get("/desk/rewards/_ledger", include_in_schema=False)
    def show(request: Request, _: Reader, case: str = "", after: str = "") -> Response:
        case = case.strip()[:MAX_TYPED]
        listed, home = found(case), f"{pages.home(request)}/rewards"
        shown, cursor = page(listed, after)
        return pages.render(
            request, "ledger.html", lines=shown, count=len(listed), totals=totals(listed), accounts=ACCOUNTS, case=case,
            ref_of=ref_of, path=f"{home}/_ledger", rewards=home, csv=_link(f"{home}/_ledger.csv", case=case),
            first=_link(f"{home}/_ledger", case=case) if after else "",
            next=_link(f"{home}/_ledger", case=case, after=cursor) if cursor else "",
        )  # fmt: skip

    @router.get("/desk/rewards/_ledger.csv", include_in_schema=False)
    def table(_: Reader, case: str = "") -> Response:
        listed = found(case.strip()[:MAX_TYPED])
        headers = {"Content-Disposition": 'attachment; filename="ledger.csv"', "Cache-Control": "private, no-store"}
        return StreamingResponse(_csv(listed), media_type="text/csv; charset=utf-8", headers=headers)

    return router


def _csv(listed: list[Line]) -> Iterator[str]:
    yield tables.MARK + tables.line(COLUMNS)
    yield from (tables.line(line.cells()) for line in listed)


def _link(path: str, **query: str) -> str:
    kept = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(kept)}" if kept else path
