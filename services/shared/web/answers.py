"""How pages and their assets are sent: headers that browsers hold them to. Free of any service's pages."""

from starlette.responses import Response
from starlette.staticfiles import StaticFiles

SECURITY = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-store",
}
YEAR = "public, max-age=31536000, immutable"


class Assets(StaticFiles):
    """Files whose address carries the digest of their content, so that browsers may keep them."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        answer = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        answer.headers["Cache-Control"] = YEAR
        answer.headers["X-Content-Type-Options"] = "nosniff"
        return answer
