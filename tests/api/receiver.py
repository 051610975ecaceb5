"""Somebody who is told events over HTTP: what came, and whether it was signed, checked on its own (Standard Webhooks)."""

import base64
import collections
import hashlib
import hmac
import http.server
import json
import socket
import threading
import time

PATIENCE = 180                                  # seconds, for what should come soon
TOLERANCE = 300                                 # seconds that a signature's time may be away

# One request. id: webhook-id; event: the envelope; signatures: of the header, in its order.
Arrival = collections.namedtuple("Arrival", "path id event time signatures headers body")


def until(holds, what, seconds=PATIENCE, pause=0.01):
    """Waits until it holds; fails with the sentence when it never does."""
    deadline = time.monotonic() + seconds
    while not (value := holds()):
        if time.monotonic() > deadline:
            raise AssertionError(f"never: {what}")
        time.sleep(pause)
    return value


def signature(secret, arrival):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    content = f"{arrival.id}.{arrival.time}.".encode() + arrival.body
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()


def is_signed(secret, arrival):
    return abs(time.time() - int(arrival.time)) < TOLERANCE and signature(secret, arrival) in arrival.signatures


class Receiver:
    """answer(arrival, handler): called for each request once it is written down; returns a status, or None when it has answered itself or
    wants the connection closed without a word. tls: the ssl.SSLContext of one that speaks it."""

    def __init__(self, answer=None, tls=None):
        self.arrivals, self.lock = [], threading.Lock()
        self.answer = answer or (lambda arrival, handler: 200)
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = PATIENCE

            def do_POST(self):                  # pylint: disable=invalid-name
                receiver.take(self)

            def log_message(self, *_):          # pylint: disable=arguments-differ
                pass

        class Listener(http.server.ThreadingHTTPServer):
            request_queue_size = 256
            daemon_threads = True

            def handle_error(self, *_):         # a client that is gone: what came is written down
                pass

        self.listener = Listener(("127.0.0.1", 0), Handler)
        if tls:                                 # the handshake belongs to the thread of the connection
            self.listener.socket = tls.wrap_socket(self.listener.socket, server_side=True, do_handshake_on_connect=False)
        self.scheme = "https" if tls else "http"
        self.port = self.listener.server_address[1]
        self.thread = threading.Thread(target=self.listener.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def take(self, handler):
        body = handler.rfile.read(int(handler.headers["content-length"]))
        arrival = Arrival(handler.path, handler.headers["webhook-id"], json.loads(body), handler.headers["webhook-timestamp"],
                          handler.headers["webhook-signature"].split(" "), dict(handler.headers), body)
        with self.lock:
            self.arrivals.append(arrival)
        status = self.answer(arrival, handler)
        if status is None:
            handler.close_connection = True
            return
        handler.send_response(status)
        handler.send_header("content-length", "0")
        handler.end_headers()

    def url(self, path="/hook", host="127.0.0.1"):
        return f"{self.scheme}://{host}:{self.port}{path}"

    def all(self, path=None):
        with self.lock:
            return [arrival for arrival in self.arrivals if path in (None, arrival.path)]

    def ids(self, path=None):
        return [arrival.event["id"] for arrival in self.all(path)]

    def wait(self, ids, path=None):
        """Until all of these events have come."""
        until(lambda: set(ids) <= set(self.ids(path)), f"events {sorted(set(ids) - set(self.ids(path)))[:5]} at {path}")

    def close(self):
        self.listener.shutdown()
        self.listener.server_close()
        self.thread.join()


def close_without_answer(handler):
    """At once, with a reset where the client still writes."""
    try:
        handler.connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
