#!/usr/bin/env python3
"""What a real collector does about every kind of broken backend and link, over gRPC and over HTTP, beside what OTLP asks for.

Each kind is a run of drills/backend-down in which the sink or the link to it behaves so for a second. What became of the spans that it touched says what
the collector did. The table goes to stdout. A reaction that is neither what OTLP asks for nor a deviation that is known fails, and
so does a known deviation that is gone, so that docs/reactions.md and docs/findings.md stay true.

usage: check_reactions.py SPANPROOF COLLECTOR [WORD...]     only kinds with one of these words in them
"""
import concurrent.futures
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SIDE_BY_SIDE = 3
CODES = ["CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
         "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE",
         "DATA_LOSS", "UNAUTHENTICATED", "42"]
RETRYABLE_CODES = ["CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"]
STATUSES = [301, 400, 401, 403, 404, 405, 408, 413, 415, 429, 500, 501, 502, 503, 504, 505]
RETRYABLE_STATUSES = [429, 502, 503, 504]
ERRORS = ["NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
          "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
          "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"]
RETRYABLE_ERRORS = ["REFUSED_STREAM", "CANCEL"]
FORMS = ["date", "twice", "words", "negative", "empty"]
SHAPES = ["empty", "wrong_type", "garbage", "oversize", "bomb"]
LINKS = ["refuse", "reset", "{reset: {after: 10KiB}}", "black_hole", "{stall: {direction: upstream}}", "{stall: {direction: downstream}}",
         "{latency: {by: 200ms, jitter: 100ms}}", "{bandwidth: {per_second: 64KiB}}", "{half_close: {direction: upstream}}",
         "{half_close: {direction: downstream}}", "truncate", "{truncate: {after: 10KiB}}"]
LINKS_HTTP2 = ["goaway", "{goaway: {error: ENHANCE_YOUR_CALM, abrupt: true}}", "{reset_stream: {error: REFUSED_STREAM}}",
               "{reset_stream: {error: CANCEL}}", "{max_streams: {streams: 0}}", "{max_streams: {streams: 1}}", "window_stall",
               "{settings_flood: {per_second: 1000}}", "{ping_flood: {per_second: 1000}}"]

AGAIN, DROPPED, TAKEN, LOST = "sends again", "drops", "takes it for taken", "drops what was under way"
TWICE_MAY_BE, TWICE = "sends again what was taken, which is explained", "sends again what was taken"
NOT_TOUCHED = "is not touched"
NOTHING_LOST, PASSED_ON = "loses nothing", "passes on what it cannot notice"
# What the collector 0.155.0 does otherwise than OTLP asks: see docs/findings.md.
KNOWN = {("http", f"{{broken_answer: {{shape: {shape}}}}}"): TWICE for shape in ["garbage", "oversize", "bomb"]}


def kinds():
    """Each kind, and what OTLP has a client do about it over gRPC and over HTTP."""
    again_if = lambda yes: [AGAIN] if yes else [DROPPED]
    for code in CODES:
        grpc = again_if(code in RETRYABLE_CODES)
        # RESOURCE_EXHAUSTED stands as 429 over HTTP.
        http = again_if(code in RETRYABLE_CODES or code == "RESOURCE_EXHAUSTED")
        yield f"{{grpc_status: {{code: {code}}}}}", grpc, http
    for code in ["UNAVAILABLE", "RESOURCE_EXHAUSTED"]:
        yield f"{{grpc_status: {{code: {code}, retry_after: 1s}}}}", [AGAIN], [AGAIN]
    for status in STATUSES:
        yield f"{{http_status: {{status: {status}}}}}", again_if(status in RETRYABLE_STATUSES), again_if(status in RETRYABLE_STATUSES)
    yield "{http_status: {status: 503, retry_after: 1s}}", [AGAIN], [AGAIN]
    for form in FORMS:
        time = "retry_after: 1s, " if form in ["date", "twice"] else ""
        yield f"{{http_status: {{status: 503, {time}retry_after_form: {form}}}}}", [AGAIN], [AGAIN]
    # A wait of 31 years is longer than any budget; gRPC clients do not read the header.
    yield "{http_status: {status: 503, retry_after_form: huge}}", [AGAIN], [DROPPED, AGAIN]
    yield "hang", [AGAIN], [AGAIN]
    for error in ERRORS:
        yield f"{{reset: {{error: {error}}}}}", again_if(error in RETRYABLE_ERRORS), [AGAIN]
    for rejected in [2, 1_000_000]:
        yield f"{{partial_success: {{rejected: {rejected}}}}}", [DROPPED], [DROPPED]
    for rejected in [0, -3]:
        yield f"{{partial_success: {{rejected: {rejected}}}}}", [TAKEN], [TAKEN]
    for shape in SHAPES:
        yield f"{{broken_answer: {{shape: {shape}}}}}", [TAKEN], [TAKEN]
    yield "{broken_answer: {shape: truncated}}", [TAKEN], [TAKEN, TWICE_MAY_BE]
    yield "{broken_answer: {shape: no_status}}", [TAKEN], [NOT_TOUCHED]
    for after in ["false", "true"]:
        yield f"{{lost_answer: {{after_headers: {after}}}}}", [TWICE_MAY_BE], [TWICE_MAY_BE, TAKEN]
    yield "{lost_answer: {error: INTERNAL_ERROR}}", [TAKEN], [TWICE_MAY_BE]
    yield "{slow: {by: 8s}}", [TWICE_MAY_BE], [TWICE_MAY_BE]
    yield "{slow: {by: 500ms}}", [TAKEN], [TAKEN]
    yield "{poison: {one_in: 500}}", [DROPPED], [DROPPED]
    yield "discard", [TAKEN], [TAKEN]
    for link in LINKS:
        yield f"{{link: {link}}}", [NOTHING_LOST, TWICE_MAY_BE], [NOTHING_LOST, TWICE_MAY_BE]
    for link in LINKS_HTTP2:
        yield f"{{link: {link}}}", [NOTHING_LOST, TWICE_MAY_BE], [NOT_TOUCHED]
    # OTLP has no retry after any other error.
    yield "{link: {reset_stream: {error: INTERNAL_ERROR}}}", [LOST], [NOT_TOUCHED]
    # Without TLS nobody on the way can tell.
    yield "{link: {corrupt: {one_in: 10KiB, direction: upstream}}}", [PASSED_ON], [PASSED_ON]


def main():
    spanproof, collector, *words = sys.argv[1:]
    wanted = [kind for kind in kinds() if not words or any(word in kind[0] for word in words)]
    with tempfile.TemporaryDirectory() as folder:
        scenarios = write_scenarios(spanproof, Path(folder))
        jobs = [(protocol, kind) for kind, *_ in wanted for protocol in scenarios]
        with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
            run = lambda job, out: reaction(spanproof, collector, scenarios[job[0]], job[1], f"{folder}/{out}")
            reactions = dict(zip(jobs, pool.map(run, jobs, range(len(jobs)))))
    wrong = []
    print("| fault | over gRPC the collector | over HTTP |\n|---|---|---|")
    for kind, *asked in wanted:
        cells = [cell(kind, protocol, reactions[protocol, kind], allowed, wrong)
                 for protocol, allowed in zip(["grpc", "http"], asked)]
        bare = kind[1:-1] if kind.startswith("{") else kind
        print(f"| `{bare}` | {' | '.join(cells)} |")
    print(f"{len(jobs)} reactions, {len(wrong)} neither asked for nor known", file=sys.stderr)
    for line in wrong:
        print(line, file=sys.stderr)
    sys.exit(1 if wrong else 0)


def cell(kind, protocol, reaction, allowed, wrong):
    known = KNOWN.get((protocol, kind))
    if known:
        if reaction != known:
            wrong.append(f"{kind} over {protocol}: {reaction}, which is no longer the known deviation `{known}`")
        return f"{reaction}: a known deviation"
    if reaction not in allowed:
        wrong.append(f"{kind} over {protocol}: {reaction}, where OTLP has a client: {' or '.join(allowed)}")
        return f"**{reaction}**"
    return reaction


def write_scenarios(spanproof, folder):
    """The drill as it is, and with the collector's exporter for HTTP instead of that for gRPC."""
    grpc = subprocess.run([spanproof, "scenario", "show", "drills/backend-down"], check=True, capture_output=True, text=True).stdout
    http = grpc.replace("otlp_grpc", "otlp_http").replace("${env:SPANPROOF_SINK_GRPC}", "http://${env:SPANPROOF_SINK_HTTP}")
    assert http.count("otlp_http") == 2 and "SPANPROOF_SINK_HTTP" in http, "the drill has changed"
    files = {"grpc": folder / "grpc.yaml", "http": folder / "http.yaml"}
    files["grpc"].write_text(grpc)
    files["http"].write_text(http)
    return {protocol: str(path) for protocol, path in files.items()}


def reaction(spanproof, collector, scenario, kind, out):
    command = [spanproof, "run", scenario, "--quiet", "--out", out, "--target", f"process:{collector}", "--seed", "7"]
    settings = [f"faults[0].fault={kind}", "faults[0].at=1s", "faults[0].for=1s", "run.duration=3s",
                "traffic.workload.shop.pool_size=256", "limits=[spans.corrupted == 0]"]
    if kind == "hang":
        settings.append("collector.env.TIMEOUT=1s")
    for setting in settings:
        command += ["--set", setting]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=180)
    path = Path(out, "result.json")
    if not path.exists():
        return f"no result: {ended.stderr.strip()[-300:]}"
    result = json.loads(path.read_text())
    spans, fault = result["ledger"]["spans"], result["faults"]["backend-down"]
    unlike = [finding["id"] for check in result["checks"] for finding in check["findings"] if finding["level"] == "inconclusive"]
    if unlike == ["never-bit"]:
        return NOT_TOUCHED
    if unlike:
        return f"cannot be told: {', '.join(unlike)}"
    return in_words(kind, spans, fault)


def in_words(kind, spans, fault):
    lost, repeated = spans["lost_acknowledged"], spans["duplicated"]
    if "corrupt: " in kind and (lost or spans["corrupted"]):
        return PASSED_ON
    if kind.startswith("{link: "):
        # What a link swallows nobody has counted.
        return LOST if lost else (TWICE_MAY_BE if repeated == spans["duplicated_explained"] else TWICE) if repeated else NOTHING_LOST
    if lost:
        return DROPPED if lost == fault["spans"] and not repeated else f"loses {lost} of {fault['spans']}, repeats {repeated}"
    if repeated:
        return TWICE_MAY_BE if repeated == spans["duplicated_explained"] else TWICE
    takes = re.match(r"\{?(partial_success|broken_answer|lost_answer|slow|discard)", kind)
    return TAKEN if takes else AGAIN


if __name__ == "__main__":
    main()
