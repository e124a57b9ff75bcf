"""A target that takes OTLP/HTTP alone and passes everything on as it came; what else it does is said by FAKE.

passes          nothing else
troubles        of every fifty requests one is passed on and answered 503, one is passed on and answered 503 with a
                Retry-After beyond any budget, and one is kept and answered as rejected in full; what was answered 503 and
                comes again is passed on
turns           of every fifty requests one is passed on and answered 503, and refused for good when it comes again
sleeps          passes each request on three seconds later, and answers only then
refuses         passes nothing on and answers 400
is-particular   answers 400 to requests of the service `email`
repeats-later   passes its twentieth request on once more, three seconds later
delays          answers at once and passes each request on three seconds later; when it is told to end, it does so at once
fills           with the first request, fills the disk that the file FILL is on

With HEADER=NAME:VALUE, requests without that header are refused with 401.
"""
import http.client
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COUNT = 0
AGAIN = set()
LOCK = threading.Lock()


def address(variable):
    host, port = os.environ[variable].rsplit(":", 1)
    return host, int(port)


def fields(message):
    """Number and value of each field of a protobuf message, as far as it has lengths."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = varint()
        if key & 7 == 2:
            length = varint()
            at += length
            yield key >> 3, message[at - length:at]
        elif key & 7 == 0:
            varint()
        else:
            at += 8 if key & 7 == 1 else 4


def spans(request):
    return sum(1 for one, resource in fields(request) if one == 1
               for two, scope in fields(resource) if two == 2
               for three, _ in fields(scope) if three == 2)


def partial_success(rejected):
    number = b""
    while rejected > 0x7F:
        number += bytes([rejected & 0x7F | 0x80])
        rejected >>= 7
    number += bytes([rejected])
    inner = b"\x08" + number
    return b"\x0a" + bytes([len(inner)]) + inner


def fill(path):
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(1 << 20))
        except OSError:
            pass


def pass_on(path, body, headers):
    sink = http.client.HTTPConnection(*address("SPANPROOF_SINK_HTTP"), timeout=10)
    kept = {name: headers[name] for name in ("Content-Type", "Content-Encoding") if headers[name]}
    sink.request("POST", path, body, kept)
    answer = sink.getresponse()
    answer.read()
    sink.close()
    return answer.status


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        global COUNT
        body = self.rfile.read(int(self.headers["Content-Length"]))
        name, _, value = os.environ.get("HEADER", "").partition(":")
        if name and self.headers[name] != value:
            return self.answer(401)
        fake = os.environ.get("FAKE")
        with LOCK:
            COUNT += 1
            if fake == "fills" and COUNT == 1:
                fill(os.environ["FILL"])
            again = hash(body) in AGAIN
            trouble = COUNT % 50 if fake in ("troubles", "turns") and not again else 0
            if trouble in (10, 20):
                AGAIN.add(hash(body))
        if again and fake == "turns":
            return self.answer(400)
        if fake == "turns" and trouble != 10:
            trouble = 0
        if trouble == 30:
            return self.answer(200, partial_success(spans(body)))
        if fake == "refuses":
            return self.answer(400)
        if fake == "is-particular" and b"service.name\x12\x07\x0a\x05email" in body:
            return self.answer(400)
        if fake == "repeats-later" and COUNT == 20:
            threading.Timer(3, pass_on, (self.path, body, self.headers)).start()
        if fake == "delays":
            threading.Timer(3, pass_on, (self.path, body, self.headers)).start()
            return self.answer(200)
        if fake == "sleeps":
            time.sleep(3)
        status = pass_on(self.path, body, self.headers)
        if trouble == 10:
            return self.answer(503)
        if trouble == 20:
            return self.answer(503, retry_after="3600")
        self.answer(status)

    def answer(self, status, body=b"", retry_after=None):
        self.send_response(status)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        if retry_after:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Health(Receiver):
    def do_GET(self):
        self.answer(200 if self.path == "/ready" else 404)


if __name__ == "__main__":
    # Every service's exporter connects in the same instant; the five places of the default turn some away.
    ThreadingHTTPServer.request_queue_size = 128
    health = ThreadingHTTPServer(address("SPANPROOF_HEALTH"), Health)
    threading.Thread(target=health.serve_forever, daemon=True).start()
    print("listening", file=sys.stderr, flush=True)
    ThreadingHTTPServer(address("SPANPROOF_RECEIVER_HTTP"), Receiver).serve_forever()
