"""Servers on ports of this machine, in the tests' own process."""

import contextlib
import json
import socket
import threading
import time

import httpx

GOOD = {"model": "tts-1", "input": "나무", "voice": "istft", "response_format": "wav"}
LONG = "나무가 많은 산에서 물을 마시고 오래 걸었다. " * 160

HTTP = httpx.Client(timeout=120)  # a busy machine may take long


class Running:
    """A server that answers.

    Attributes:
        port: Of HTTP.
        wyoming_port: Of Wyoming.
        app: The application.
        url: Where it answers.
    """

    def __init__(self, port, wyoming_port, app):
        self.port, self.wyoming_port, self.app = port, wyoming_port, app
        self.url = f"http://127.0.0.1:{port}"

    def metric(self, name, **labels):
        return self.app.state.server.metrics.registry.get_sample_value(name, labels) or 0.0


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@contextlib.contextmanager
def serve(voices, names=("istft", "hifigan"), **settings):
    """Runs a server with the tests' voices."""
    import uvicorn

    from espnet2_nix.server.api import create_app
    from espnet2_nix.server.settings import Settings

    port, wyoming_port = free_port(), free_port()
    app = create_app({name: voices / name for name in names}, Settings(**settings), f"tcp://127.0.0.1:{wyoming_port}")
    config = uvicorn.Config(app, port=port, log_config=None, access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        wait_for(lambda: server.started or not thread.is_alive())
        assert server.started
        yield Running(port, wyoming_port, app)
    finally:
        server.should_exit = True
        thread.join(30)


def wait_for(condition, seconds=120):
    """Waits until something holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.02)


def unread_request(port, **changes):
    """Asks for an endless text and does not read the answer."""
    body = json.dumps({**GOOD, "input": LONG[:4000], "speed": 0.25, **changes}).encode()
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(
        b"POST /v1/audio/speech HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body) + body
    )
    return connection
