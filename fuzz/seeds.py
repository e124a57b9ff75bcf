"""Writes a few inputs for each fuzz target to begin with: `seeds.py DIR` fills DIR/walk, DIR/sink and so on.

Made by hand from the wire formats and not by our own encoders, so that a seed means what the specifications say.
"""
import base64
import gzip
import json
import struct
import sys
from pathlib import Path


def varint(number):
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def number(field, value):
    return varint(field << 3) + varint(value)


def fixed64(field, value):
    return varint(field << 3 | 1) + struct.pack("<Q", value)


def fixed32(field, value):
    return varint(field << 3 | 5) + struct.pack("<I", value)


def inside(field, *parts):
    body = b"".join(part.encode() if isinstance(part, str) else part for part in parts)
    return varint(field << 3 | 2) + varint(len(body)) + body


def attribute(field, key, value):
    return inside(field, inside(1, key), inside(2, value))


VALUES = {
    "text": inside(1, "value"),
    "bool": number(2, 1),
    "int": number(3, 2**64 - 5),
    "double": fixed64(4, 0x4009_21FB_5444_2D18),
    "list": inside(5, inside(1, inside(1, "a")), inside(1, number(3, 7)), inside(1)),
    "map": inside(6, attribute(1, "k", inside(1, "v")), attribute(1, "b", number(2, 0))),
    "bytes": inside(7, b"\0\1\2"),
    "index": number(8, 3),
    "none": b"",
}
RESOURCE = inside(1, attribute(1, "service.name", inside(1, "checkout")), number(2, 1), inside(3, inside(2, "host"), inside(3, "id")))
SCOPE = inside(1, inside(1, "scope"), inside(2, "1.0"), attribute(3, "s", inside(1, "t")), number(4, 2))


def span(*more):
    return inside(2, inside(1, bytes(range(1, 17))), inside(2, bytes(range(1, 9))), inside(5, "GET /"), *more)


FULL = span(
    inside(3, "a=b"), inside(4, b"\x09" * 8), number(6, 2), fixed64(7, 10**18), fixed64(8, 10**18 + 5),
    *(attribute(9, key, value) for key, value in VALUES.items()), number(10, 1),
    inside(11, fixed64(1, 10**18), inside(2, "event"), attribute(3, "e", VALUES["text"]), number(4, 1)), number(12, 1),
    inside(13, inside(1, b"\7" * 16), inside(2, b"\7" * 8), inside(3, "c=d"), attribute(4, "l", VALUES["int"]), number(5, 1), fixed32(6, 1)),
    number(14, 1), inside(15, inside(2, "bad"), number(3, 2)), fixed32(16, 0x101))

TRACES = {
    "empty": b"",
    "bare": inside(1, inside(2, span())),
    "full": inside(1, RESOURCE, inside(2, SCOPE, FULL, inside(3, "http://schema/2")), inside(3, "http://schema/1")),
    "resource-last": inside(1, inside(2, FULL, span(), SCOPE), RESOURCE),
    "twice": inside(1, inside(2, span(), span(inside(5, "again")))),
    "groups": inside(1, inside(2, span(b"\xa3\x06\xa0\x06\x01\xa4\x06"))),
    "two": inside(1, RESOURCE, inside(2, span())) + inside(1, RESOURCE, inside(2, span(), FULL)),
    "own-id": inside(1, inside(2, span(attribute(9, "spanproof.id", inside(1, "0123456789abcdef" * 2))))),
}
METRICS = inside(1, RESOURCE, inside(2, SCOPE, inside(2, inside(1, "m"), inside(5, inside(1, fixed64(3, 5), fixed64(4, 1))))))
LOGS = inside(1, RESOURCE, inside(2, SCOPE, inside(2, fixed64(1, 5), inside(5, inside(1, "line")))))
JSON = json.dumps({"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "checkout"}}]},
    "scopeSpans": [{"scope": {"name": "s"}, "spans": [{"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174",
    "name": "n", "kind": 2, "startTimeUnixNano": "1544712660000000000", "attributes": [{"key": "i", "value": {"intValue": "7"}},
    {"key": "d", "value": {"doubleValue": 1.5}}, {"key": "a", "value": {"arrayValue": {"values": [{"boolValue": True}]}}}],
    "events": [{"name": "e"}], "links": [{"traceId": "", "spanId": ""}], "status": {"code": 2}}]}]}]}).encode()

# Every form that a value has: text for numbers and what JSON has no number for, null, nothing inside, either case and alphabet.
JSON_FORMS = b"""{"resource_spans":[{"scopeSpans":[{"future":[{}],"spans":[{"traceId":"0AF7651916cd43dd8448eb211c80319c","spanId":"",
"kind":null,"startTimeUnixNano":1.5e3,"attributes":[{"key":"a","value":{"doubleValue":"NaN"}},{"key":"b","value":{"doubleValue":
"-Infinity"}},{"key":"c","value":{"arrayValue":{}}},{"key":"d","value":{"kvlistValue":{"values":[{"key":"e","value":null}]}}},
{"key":"f","value":{"bytesValue":"-_8="}},{"key":"g","value":{"intValue":"-9223372036854775808"}},{"key":"\\ud83d\\ude00",
"value":{"doubleValue":0.9376288967944867}}]}]}]}]}"""


def zstd(plain):
    """A frame of one raw block: magic, one byte of size, a last block that is not compressed."""
    return b"\x28\xb5\x2f\xfd\x20" + bytes([len(plain)]) + struct.pack("<I", len(plain) << 3 | 1)[:3] + plain


def message(payload, compressed=0):
    return struct.pack(">BI", compressed, len(payload)) + payload


SINK_HTTP = {
    "post": b"POST /v1/traces HTTP/1.1\r\nhost: a\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n",
    "chunked": b"POST /v1/traces HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nx: y\r\n\r\n",
    "pipelined": b"GET / HTTP/1.1\r\nhost: a\r\n\r\nPOST /v1/logs HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 3\r\n\r\nabc",
}


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name, value):
    """A header that enters no table, without Huffman coding."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
# Of HPACK's static table: 3 is POST, 6 http, 8 is 200.
CALL = b"\x83\x86" + literal(b":path", b"/opentelemetry.proto.collector.trace.v1.TraceService/Export") + literal(
    b":authority", b"a") + literal(b"content-type", b"application/grpc")
SETTINGS = frame(4, 0, 0)
SINK_H2 = {
    "call": PREFACE + SETTINGS + frame(1, 4, 1, CALL) + frame(0, 1, 1, message(TRACES["bare"])),
    "reset": PREFACE + SETTINGS + frame(1, 4, 1, CALL) + frame(0, 0, 1, b"\0\0") + frame(3, 0, 1, b"\0\0\0\x08"),
    "ping": PREFACE + frame(4, 0, 0, b"\0\4\0\0\0\1") + frame(6, 0, 0, b"12345678") + frame(7, 0, 0, bytes(8)),
}
# The first byte of an input of `sink`: the flavour in four bits, the signal in two, and whether the body comes in pieces.
SINK = {
    **{f"protobuf-{name}": b"\x00" + body for name, body in TRACES.items()},
    "metrics": b"\x10" + METRICS, "logs": b"\x20" + LOGS, "profiles": b"\x30" + inside(2, b""),
    "gzip": b"\x01" + gzip.compress(TRACES["bare"], mtime=0), "bomb": b"\x01" + gzip.compress(bytes(1 << 18), mtime=0),
    "members": b"\x41" + gzip.compress(TRACES["bare"], mtime=0) * 2, "zstd": b"\x02" + zstd(TRACES["bare"]),
    "json": b"\x03" + JSON, "json-forms": b"\x03" + JSON_FORMS, "json-gzip": b"\x04" + gzip.compress(JSON, mtime=0), "json-logs": b'\x23{"resourceLogs":[]}',
    "grpc-whole": b"\x05" + message(TRACES["full"]), "grpc-pieces": b"\x45" + message(TRACES["full"]), "grpc-two": b"\x05" + message(b"") * 2,
    "grpc": b"\x06" + TRACES["full"], "grpc-gzip": b"\x07" + gzip.compress(TRACES["full"], mtime=0),
    "grpc-zstd": b"\x08" + zstd(TRACES["bare"]), "cut": b"\x09" + TRACES["bare"],
    **{f"raw-http-{name}": b"\x0a" + raw for name, raw in SINK_HTTP.items()},
    **{f"raw-h2-{name}": b"\x0b" + raw for name, raw in SINK_H2.items()},
}

PARTIAL = inside(1, number(1, 3), inside(2, "three were too old"))
TRAILER = literal(b"grpc-status", b"0")
# google.rpc.Status with a RetryInfo of 1.5 s.
RETRY = number(1, 8) + inside(3, inside(1, "type.googleapis.com/google.rpc.RetryInfo"), inside(2, inside(1, number(1, 1), number(2, 500_000_000))))
DETAILS = base64.b64encode(RETRY)
REFUSAL = literal(b"grpc-status", b"8") + literal(b"grpc-message", b"slow%20down") + literal(b"grpc-status-details-bin", DETAILS)


def http(status, *headers, body=b""):
    lines = [b"HTTP/1.1 " + status, *headers, b"content-length: %d" % len(body)]
    return b"\x00" + b"\r\n".join(lines) + b"\r\n\r\n" + body


# The first byte of an input of `answer`: 0 is HTTP/1.1, 1 HTTP/2 frames, 2 what a gRPC server that keeps to HTTP/2 says.
ANSWER = {
    "ok": http(b"200 OK"), "partial": http(b"200 OK", b"content-type: application/x-protobuf", body=PARTIAL),
    "busy": http(b"503 Busy", b"retry-after: 7", b"content-type: application/x-protobuf", body=number(1, 14) + inside(2, "busy")),
    "date": http(b"429 Many", b"retry-after: Sat, 06 Nov 2094 08:49:37 GMT"),
    "continue": b"\x00HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 400 Bad\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "until-closed": b"\x00HTTP/1.0 200 OK\r\n\r\n\x0a\x00", "moved": http(b"302 Found", b"location: /"), "upgrade": http(b"101 Switch"),
    "h2-ok": b"\x01" + SETTINGS + frame(1, 4, 1, b"\x88") + frame(0, 0, 1, message(b"")) + frame(1, 5, 1, TRAILER),
    "h2-refused": b"\x01" + SETTINGS + frame(1, 5, 1, b"\x88" + REFUSAL), "h2-reset": b"\x01" + SETTINGS + frame(3, 0, 1, b"\0\0\0\x07"),
    "h2-goaway": b"\x01" + SETTINGS + frame(7, 0, 0, bytes(8)), "h2-503": b"\x01" + SETTINGS + frame(1, 5, 1, literal(b":status", b"503")),
    # Status, grpc-status, grpc-message and details, each a line; then the body.
    "grpc-ok": b"\x02200\n0\n\n\n" + message(PARTIAL), "grpc-refused": b"\x02200\n8\nslow%20down\n" + DETAILS + b"\n",
    "grpc-gateway": b"\x02503\n\n\n\n<html>", "grpc-late-ok": b"\x02404\n0\n\n\n",
}
# The first byte of an input of `frames`: which end speaks in one bit, and the length of pieces; the second which kinds are left out.
FRAMES = {
    **{f"client-{name}": b"\x0e\x41" + raw for name, raw in SINK_H2.items()},
    "server": b"\x0b\x08" + SETTINGS + frame(8, 0, 0, b"\0\1\0\0") + frame(1, 0, 1, b"\x88") + frame(9, 4, 1, b"") + frame(0, 1, 1, bytes(99)),
    "foreign": b"\x03\xffHTTP/1.1 200 OK\r\n\r\n",
}


def main(folder):
    for target, seeds in {"walk": TRACES, "sink": SINK, "answer": ANSWER, "frames": FRAMES}.items():
        place = Path(folder) / target
        place.mkdir(parents=True, exist_ok=True)
        for name, seed in seeds.items():
            (place / name).write_bytes(seed)


if __name__ == "__main__":
    main(*sys.argv[1:])
