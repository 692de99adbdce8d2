"""A proxy that breaks things on purpose, for tests: forwards HTTP to one server and spoils some answers.

usage: fault_proxy.py http://HOST:PORT [FAULT ...]; prints its port, then a line a request: METHOD PATH STATUS FAULT

FAULT is KIND[=VALUE][:METHOD][@N][xM]: the fault hits requests of the method (all without one), beginning with the Nth of them
(1 without), M times (once without; `x*` for ever).

  delay=SECONDS      waits before it answers
  status=CODE        answers with the code itself; the request does not reach the server
  late=CODE          the request reaches the server, whose answer is lost: the code comes instead
  retry=SECONDS      answers 503 with Retry-After; `retry=date` has a date two seconds ahead
  cut=BYTES          closes the line after so many bytes of the answer's body
  drop               closes the line before the request is read to its end
  lost               the request reaches the server, and the line closes without an answer
  corrupt=OFFSET     changes one byte of the answer's body
  spoil=OFFSET       changes one byte of the request's body
  throttle=BYTES     sends the answer's body at so many bytes a second
  stall=SECONDS      sends half of the answer's body and then nothing for so long
"""

import email.utils, http.client, os, re, sys, threading, time, urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lifetime import end_with

TARGET = urllib.parse.urlparse(sys.argv[1])
LOCK = threading.Lock()


class Fault:
    def __init__(self, text):
        found = re.fullmatch(r"(\w+)(?:=([\d.]+|date))?(?::([A-Z]+))?(?:@(\d+))?(?:x(\d+|\*))?", text)
        self.kind, self.value, self.method, first, times = found.groups()
        self.first, self.left = int(first or 1), float("inf") if times == "*" else int(times or 1)
        self.seen = 0

    def hits(self, method):
        if self.method and self.method != method:
            return False
        self.seen += 1
        if self.seen < self.first or self.left <= 0:
            return False
        self.left -= 1
        return True


FAULTS = [Fault(text) for text in sys.argv[2:]]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def hang_up(self):
        self.close_connection = True
        self.wfile.flush()
        try:
            self.connection.shutdown(2)
        except OSError:
            pass

    def answer(self, status, headers=(), body=b""):
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def serve(self):
        with LOCK:
            hits = {fault.kind: fault.value for fault in FAULTS if fault.hits(self.command)}
        if "drop" in hits:
            self.note(0, "drop")
            return self.hang_up()
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if "delay" in hits:
            time.sleep(float(hits["delay"]))
        for kind in ("status", "retry"):
            if kind in hits:
                status = 503 if kind == "retry" else int(hits[kind])
                after = email.utils.formatdate(time.time() + 2, usegmt=True) if hits[kind] == "date" else hits[kind]
                self.note(status, kind)
                return self.answer(status, [("Retry-After", after)] if kind == "retry" else [])
        if "spoil" in hits and body:
            place = min(int(hits["spoil"]), len(body) - 1)
            body = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
        upstream = http.client.HTTPConnection(TARGET.hostname, TARGET.port, timeout=60)
        # The host stays as the client wrote it: it is signed.
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            upstream.putheader(name, value)
        upstream.endheaders(body or None)
        response = upstream.getresponse()
        content = response.read()
        upstream.close()
        if "lost" in hits:
            self.note(response.status, "lost")
            return self.hang_up()
        if "late" in hits:
            self.note(response.status, "late")
            return self.answer(int(hits["late"]))
        if "corrupt" in hits and content:
            place = min(int(hits["corrupt"]), len(content) - 1)
            content = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        self.note(response.status, ",".join(hits) or "-")
        self.send_response_only(response.status)
        length = response.headers.get("Content-Length") if self.command == "HEAD" else str(len(content))
        for name, value in response.headers.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", length)
        self.end_headers()
        if self.command == "HEAD":
            return
        if "cut" in hits:
            self.wfile.write(content[: int(hits["cut"])])
            return self.hang_up()
        if "stall" in hits:
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            time.sleep(float(hits["stall"]))
            return self.hang_up()
        step = int(hits["throttle"]) // 10 if "throttle" in hits else 1 << 20
        for start in range(0, len(content), max(step, 1)):
            self.wfile.write(content[start : start + step])
            if "throttle" in hits:
                time.sleep(0.1)

    def note(self, status, fault):
        print(self.command, self.path, status, fault, flush=True)

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = serve
    do_PROPFIND = do_MKCOL = do_MOVE = do_PATCH = do_OPTIONS = serve

    def log_message(self, form, *values):
        pass


end_with(os.getcwd())
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_port, flush=True)
server.serve_forever()
