"""Take what a webhook of Docent tells, and believe it only when it is signed. Usage: webhook.py

WEBHOOK_SECRET is what Docent showed when the webhook was made; PORT is where this listens (8081).
"""

import base64
import hashlib
import hmac
import json
import os
import time
from email.message import Message
from http.server import BaseHTTPRequestHandler, HTTPServer

KEY = base64.b64decode(os.environ["WEBHOOK_SECRET"].removeprefix("whsec_"))
TOLERANCE = 5 * 60  # seconds


def is_from_docent(headers: Message, body: bytes) -> bool:
    """Whether one of the signatures is right and new enough. The body is the bytes as they came."""
    stamp, identity = headers.get("webhook-timestamp", ""), headers.get("webhook-id", "")
    if not (stamp.isascii() and stamp.isdigit()) or abs(time.time() - int(stamp)) > TOLERANCE:
        return False
    digest = hmac.new(KEY, f"{identity}.{stamp}.".encode() + body, hashlib.sha256).digest()
    right = b"v1," + base64.b64encode(digest)
    given = headers.get("webhook-signature", "").encode().split(b" ")
    return any(hmac.compare_digest(right, one) for one in given)


class Receiver(BaseHTTPRequestHandler):
    """Answers at once; whoever has much to do with an event puts it into a queue of their own."""

    seen: set[str] = set()  # a database table, where it matters

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        is_right = is_from_docent(self.headers, body)
        self.send_response(204 if is_right else 400)
        self.end_headers()
        if is_right and self.headers["webhook-id"] not in self.seen:  # an event may come more than once
            self.seen.add(self.headers["webhook-id"])
            event = json.loads(body)
            print(event["type"], json.dumps(event["data"]), flush=True)

    def log_message(self, *_args: object) -> None:
        pass


if __name__ == "__main__":
    server = HTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8081"))), Receiver)
    print(f"listening on port {server.server_port}", flush=True)
    server.serve_forever()
