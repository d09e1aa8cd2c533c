"""Receives what `--on any webhook:http://127.0.0.1:9000/` posts, and believes only what is signed."""

import hashlib
import hmac
import json
import os
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

SECRET = os.environ["EDGECLS_WEBHOOK_SECRET"].encode()
OLDEST_S = 300


def is_genuine(headers, body: bytes) -> bool:
    """Whether whoever sent it has the secret, and sent it just now."""
    timestamp = headers.get("X-Edgecls-Timestamp", "0")
    expected = hmac.new(SECRET, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    is_signed = hmac.compare_digest(headers.get("X-Edgecls-Signature", ""), f"sha256={expected}")
    return is_signed and abs(time.time() - int(timestamp)) < OLDEST_S


class Hook(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        genuine = is_genuine(self.headers, body)
        if genuine:
            event = json.loads(body)
            print(event["label"] or "unknown", "was", event["previous"] or "unknown", flush=True)
        self.send_response(204 if genuine else 403)
        self.end_headers()


if __name__ == "__main__":
    HTTPServer(("127.0.0.1", 9000), Hook).serve_forever()
