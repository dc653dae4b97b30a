"""/desk/cashier: a voucher, what it is worth, and its payment once (row A4). No case and no person is shown.

What was asked and what was paid is answered to the form that was sent: no address and no cookie holds a voucher.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response

from services.complaints.inbox_session import TooManyGuesses
from services.complaints.rewards.cashier import Cashier
from services.complaints.rewards.domain.reward import Refused
from services.complaints.rewards.repository import Conflict
from services.complaints.rewards.schemas import paid
from services.complaints.web.desk.pages import DeskPages
from services.shared.access import Principal
from services.shared.auth import require
from services.shared.commands import NotFound

MAX_VOUCHER = 64
Payer = Annotated[Principal, Depends(require("complaints.desk.cashier"))]
Text = Annotated[str, Form()]


def routes(pages: DeskPages, cashier: Cashier) -> APIRouter:
    """The one page of the cashier."""
    router = APIRouter(route_class=pages.route_class())

    def shown(request: Request, status: int = 200, **more: Any) -> Response:
        usual: dict[str, Any] = {"voucher": "", "amount_fen": 0, "paid": None, "problem": "", "seconds": 0}
        said = {**usual, **more}
        path = f"{pages.home(request)}/cashier"
        return pages.render(request, "cashier.html", status, path=path, error=bool(said["problem"]), **said)

    @router.get("/desk/cashier", include_in_schema=False)
    def empty(request: Request, _: Payer) -> Response:
        return shown(request)

    @router.post("/desk/cashier", include_in_schema=False)
    def act(request: Request, principal: Payer, voucher: Text = "", amount_fen: Text = "") -> Response:
        """Without an amount the voucher is looked at, with one it is paid out."""
        voucher = voucher.strip()
        if not 0 < len(voucher) <= MAX_VOUCHER:
            return shown(request, 422, problem="no-voucher" if voucher else "empty")
        try:
            if amount_fen.isdecimal():
                return shown(request, paid=paid(cashier.pay(voucher, int(amount_fen), principal.subject)))
            return shown(request, voucher=voucher, amount_fen=cashier.worth(voucher, principal.subject))
        except TooManyGuesses as error:
            return shown(request, 429, problem="too-many", seconds=error.seconds)
        except NotFound:
            return shown(request, 404, problem="no-voucher")
        except Conflict:
            return shown(request, 409, problem="conflict")
        except Refused as refused:
            return shown(request, 409, problem=refused.slug)

    return router
