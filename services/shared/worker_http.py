"""What a process without an API answers over HTTP: /metrics, /health/live and /health/ready."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

Check = Callable[[], bool | str]


def serve_probes(port: int, ready: Check, host: str = "0.0.0.0", live: Check = lambda: True) -> ThreadingHTTPServer:
    """Answer on `port` from a thread of its own until the process ends. Raises OSError when the port is taken.

    A check answers True, or False or the reason why not: then the answer is 503.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest())
            elif self.path == "/health/live":
                self._say(live(), "live", "dead")
            elif self.path == "/health/ready":
                self._say(ready(), "ready", "starting")
            else:
                self._answer(404, "text/plain", b"there are /metrics, /health/live and /health/ready\n")

        def _say(self, answer: bool | str, good: str, bad: str) -> None:
            body = (
                {"status": good} if answer is True else {"status": bad, "reason": answer} if answer else {"status": bad}
            )
            self._answer(200 if answer is True else 503, "application/json", json.dumps(body).encode())

        def _answer(self, status: int, media_type: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Probes come every few seconds: they are not worth a line each."""

    server = ThreadingHTTPServer((host, port), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="probes", daemon=True).start()
    return server
