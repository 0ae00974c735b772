"""What the server does not do, and how it says so."""

import gc
import json
import random
import resource
import socket
from pathlib import Path

import pytest
from serving import GOOD, HTTP, serve, unread_request, wait_for


@pytest.mark.parametrize(
    ("changes", "status", "param", "message"),
    [
        ({"input": ""}, 400, "input", "expected a text, found none"),
        ({"input": "..."}, 400, "input", "nothing readable"),
        ({"input": "가" * 4097}, 400, "input", "expected at most 4096 characters, found 4097"),
        ({"input": 5}, 400, "input", "valid string"),
        ({"input": None}, 400, "input", "valid string"),
        ({"voice": "nobody"}, 400, "voice", "expected one of istft, hifigan, found 'nobody'"),
        ({"voice": "../../etc/passwd"}, 400, "voice", "expected one of istft"),
        ({"model": "whisper-1"}, 404, "model", "found 'whisper-1'"),
        ({"response_format": "aac"}, 400, "response_format", "aac cannot be encoded here"),
        ({"response_format": "exe"}, 400, "response_format", "expected one of mp3"),
        ({"stream_format": "telepathy"}, 400, "stream_format", "'audio' or 'sse'"),
        ({"speed": 0.2}, 400, "speed", "greater than or equal to 0.25"),
        ({"speed": 1e300}, 400, "speed", "less than or equal to 4"),
        ({"speed": "fast"}, 400, "speed", "valid number"),
    ],
)
def test_bad_fields_are_named_in_openais_form(server, changes, status, param, message):
    answer = HTTP.post(f"{server.url}/v1/audio/speech", json=GOOD | changes)
    error = answer.json()["error"]
    assert (answer.status_code, error["param"], error["type"]) == (status, param, "invalid_request_error")
    assert message in error["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/audio/speech", b"{", 400),
        ("POST", "/v1/audio/speech", b"\xff\xfe{}", 400),
        ("POST", "/v1/audio/speech", b"[" * 100_000, 400),
        ("POST", "/v1/audio/speech", b'{"input": "\\ud800"}', 400),
        ("POST", "/v1/audio/speech", b'{"input": "a", "speed": NaN}', 400),
        ("POST", "/v1/audio/speech", b" " * 1_000_001, 413),
        ("GET", "/v1/audio/speech", b"", 405),
        ("GET", "/v1/audio/nothing", b"", 404),
        ("GET", "/page/../../../../etc/passwd", b"", 404),
        ("GET", "/page/%2e%2e/api.py", b"", 404),
    ],
)
def test_every_refusal_is_an_error_object(server, method, path, body, status):
    headers = {"Content-Type": "application/json"}
    answer = HTTP.request(method, server.url + path, content=body, headers=headers)
    assert answer.status_code == status
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_a_token_is_asked_for_where_one_is_set(voices):
    with serve(voices, token="s3cret") as running:

        def status(path, **headers):
            return HTTP.get(running.url + path, headers=headers).status_code

        assert [status(path) for path in ("/healthz", "/", "/v1/models", "/metrics")] == [200, 200, 401, 401]
        assert status("/v1/models", Authorization="Bearer s3cret") == 200
        for wrong in ("Bearer s3cre", "Bearer s3crets", "Bearer", "s3cret", "Basic s3cret", "Bearer \xff"):
            assert status("/v1/models", Authorization=wrong.encode("latin-1")) == 401
        answer = HTTP.post(f"{running.url}/v1/audio/speech", json=GOOD)
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")
        assert answer.headers["www-authenticate"] == "Bearer"


def test_other_origins_may_call_only_where_they_are_named(server, voices):
    headers = {"Origin": "https://a.example"}
    assert "access-control-allow-origin" not in HTTP.get(f"{server.url}/v1/models", headers=headers).headers
    with serve(voices, cors_origins=("https://a.example",)) as running:
        allowed = HTTP.get(f"{running.url}/v1/models", headers=headers).headers["access-control-allow-origin"]
        assert allowed == "https://a.example"
        other = HTTP.get(f"{running.url}/v1/models", headers={"Origin": "https://b.example"}).headers
        assert "access-control-allow-origin" not in other


def test_a_full_queue_answers_503_and_says_when_to_come_again(voices):
    with serve(voices, max_requests=1, max_queue=1) as running:
        speaking = unread_request(running.port)
        wait_for(lambda: running.metric("nix_tts_active_requests") == 1)
        waiting = unread_request(running.port)
        wait_for(lambda: running.metric("nix_tts_waiting_requests") == 1)
        answer = HTTP.post(f"{running.url}/v1/audio/speech", json=GOOD)
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "overloaded")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        waiting.close()  # who goes away leaves the queue, though nothing was sent to him yet
        wait_for(lambda: running.metric("nix_tts_waiting_requests") == 0)
        speaking.close()
        wait_for(lambda: running.metric("nix_tts_active_requests") == 0)
        assert HTTP.post(f"{running.url}/v1/audio/speech", json=GOOD).status_code == 200
        assert running.metric("nix_tts_refused_requests_total") == 1


def test_a_request_ends_when_its_time_is_over(voices):
    with serve(voices, max_requests=1, max_seconds=1.0) as running:
        slow = unread_request(running.port)
        wait_for(lambda: running.metric("nix_tts_first_audio_seconds_count") == 1)
        wait_for(lambda: running.metric("nix_tts_active_requests") == 0)
        slow.close()


def test_a_body_that_never_comes_is_not_waited_for(voices):
    with serve(voices, max_seconds=0.3) as running:
        connection = socket.create_connection(("127.0.0.1", running.port))
        connection.sendall(b"POST /v1/audio/speech HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{")
        connection.settimeout(120)
        assert connection.recv(4096).startswith(b"HTTP/1.1 408")
        connection.close()


# ---- a thousand malformed requests

VALUES = (
    None, True, -1, 1e308, 10**400, "", "\x00", "../../../../etc/passwd", "/etc/passwd", "C:\\", "가" * 5000, "a" * 3000, "\u202e", [],
    {}, [[]], {"id": 3}, {"id": "../x"}, "\ud800", "file:///etc/passwd", "%2e%2e%2f", "{{7*7}}", "; ls", "istft/../istft",
)  # fmt: skip
WARM_UP = 500  # requests; from the 400th to the 2,000th resident memory did not grow when it was measured
MAX_GROWTH_MB = 32  # onnxruntime may take another buffer of 26 MB when two long texts meet
FIELDS = ("model", "input", "voice", "response_format", "speed", "stream_format")
PATHS = (
    "/v1/audio/speech",
    "/v1/audio/timings",
    "/v1/audio/reading",
    "/v1/audio/speech/..%2f..",
    "//",
    "/page/%00",
    "/\xff",
)


def malformed(rng):
    """A request as bytes, and how the client then behaves."""
    body = json.dumps({**GOOD, rng.choice(FIELDS): rng.choice(VALUES)}).encode()
    kind = rng.randrange(8)
    if kind == 0:
        body = body[: rng.randrange(len(body))]
    elif kind == 1:
        body = bytes(rng.randrange(256) for _ in range(rng.randrange(200)))
    elif kind == 2:
        at = rng.randrange(len(body))
        body = body[:at] + bytes([rng.randrange(128, 256)]) + body[at:]
    elif kind == 3:
        body = rng.choice((b"[" * 3000, b"{}", b"null", b"3", b'"a"', b'{"input":' * 500, b"9" * 5000))
    length = str(len(body))
    if kind == 4:
        length = rng.choice(("-1", "abc", "99999999999", "1e3", "", "5, 6"))
    path = rng.choice(PATHS) if kind == 5 else rng.choice(PATHS[:3])
    content_type = rng.choice(
        ("application/json", "text/plain", "application/json; charset=utf-16", "multipart/form-data")
    )
    head = f"{rng.choice(('POST', 'POST', 'POST', 'PUT', 'GET', 'BREW'))} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
    if kind == 6:
        head += "X-Big: " + "a" * rng.choice((100, 70_000)) + "\r\n"
    head += f"Content-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
    return head.encode("latin-1") + body, kind == 7


def resident_mb():
    """Megabytes that this process, and so the server in it, has in memory; None where the system does not tell."""
    gc.collect()
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return None
    return pages * resource.getpagesize() / 1e6


def test_a_thousand_malformed_requests_leak_nothing_and_leave_the_server_well(server, voices, caplog):
    rng = random.Random(0)
    statuses = {}
    warm = None
    for number in range(1000):
        if number == WARM_UP:
            warm = resident_mb()
        data, vanishes = malformed(rng)
        with socket.create_connection(("127.0.0.1", server.port), timeout=120) as connection:
            if vanishes:
                connection.sendall(data[: rng.randrange(len(data))])
                continue
            answer = b""
            try:
                connection.sendall(data)
                if b"99999999999" in data:
                    connection.shutdown(socket.SHUT_WR)
                while part := connection.recv(65536):
                    answer += part
            except (ConnectionError, BrokenPipeError):
                pass  # what is no HTTP at all may be cut off
        status = answer[9:12].decode("latin-1")
        statuses[status] = statuses.get(status, 0) + 1
        if b"audio/" not in answer.partition(b"\r\n\r\n")[0]:
            for leak in (b"Traceback", str(voices).encode(), b"site-packages", b".py", b"/home", b"root:"):
                assert leak not in answer, (data[:300], answer[:500])
    assert not {status for status in statuses if status.startswith("5")}, statuses
    assert {"400", "404", "405"} <= set(statuses)
    assert "Traceback" not in caplog.text
    assert not [record for record in caplog.records if record.exc_info]
    wait_for(lambda: server.metric("nix_tts_active_requests") == server.metric("nix_tts_waiting_requests") == 0)
    assert HTTP.post(f"{server.url}/v1/audio/speech", json=GOOD).status_code == 200
    if warm is not None:
        assert resident_mb() - warm < MAX_GROWTH_MB
