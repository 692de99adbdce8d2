"""A Git LFS server for tests, written from the public API (git-lfs: docs/api), with faults on demand.

    python3 lfs_server.py FOLDER [--users NAME:PASSWORD,...] [--fault NAME[=N]]... [--no-locks]

Prints its port, then one line a request: METHOD PATH STATUS [RANGE]. Standard library only. Faults, each for the
first N requests it fits (default: all): whole (404 for a whole batch of which nothing is there, as giftless), cut
(half of a download), wrong (one byte of a download changed), short (a download that ends early with a length to
match), expired (actions that have run out), busy (429 with Retry-After: 0), broken (500), full (507 on PUT), gone
(410 on a download), unverified (verify finds nothing), noranges (Range is ignored), deny (403 on the batch).
"""
import base64
import hashlib
import json
import os
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lifetime import end_with

MEDIA = "application/vnd.git-lfs+json"
lock = threading.Lock()
faults, users, locks = {}, {}, []
offers_locks = True
folder = ""


def strikes(name):
    """Whether a fault happens now; counts down."""
    with lock:
        left = faults.get(name, 0)
        if left > 0:
            faults[name] = left - 1
        return left > 0


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_request(self, code="-", size="-"):
        with lock:
            print(self.command, self.path, int(code), self.headers.get("Range", ""), flush=True)

    def answer(self, status, body=None, headers=()):
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", MEDIA)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def fail(self, status, message, headers=()):
        self.answer(status, {"message": message}, headers)

    def user(self):
        """The name behind the request's credentials; None (and a 401 sent) without valid ones."""
        if not users:
            return "anonymous"
        kind, _, pair = self.headers.get("Authorization", "").partition(" ")
        if kind == "Basic":
            name, _, password = base64.b64decode(pair).decode().partition(":")
            if users.get(name) == password:
                return name
        self.fail(401, "who are you?", [("LFS-Authenticate", 'Basic realm="test"')])
        return None

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def path_of(self, oid):
        return os.path.join(folder, oid)

    def do_POST(self):
        body = self.body()
        name = self.user()
        if name is None:
            return
        if strikes("busy"):
            return self.fail(429, "too many", [("Retry-After", "0")])
        if strikes("broken"):
            return self.fail(500, "oops")
        request = json.loads(body or b"{}")
        path = urllib.parse.urlsplit(self.path).path
        if path == "/objects/batch":
            return self.batch(request)
        if path == "/verify":
            file = self.path_of(request["oid"])
            there = os.path.exists(file) and os.path.getsize(file) == request["size"] and not strikes("unverified")
            return self.answer(200) if there else self.fail(404, "no such object")
        if path.startswith("/locks") and offers_locks:
            return self.locks_post(path, request, name)
        self.fail(404, "not found")

    def batch(self, request):
        if strikes("deny"):
            return self.fail(403, "read only")
        there = [item for item in request["objects"] if os.path.exists(self.path_of(item["oid"]))]
        if request["operation"] == "download" and not there and strikes("whole"):
            return self.fail(404, "Cannot find any of the requested objects")
        answer = []
        expires = {"expires_in": -100} if strikes("expired") else {"expires_in": 3600}
        for item in request["objects"]:
            oid, size = item["oid"], item["size"]
            there = os.path.exists(self.path_of(oid))
            base = "http://" + self.headers["Host"]
            result = {"oid": oid, "size": size}
            # An action that has run out leads nowhere.
            place = "/stale/" if expires["expires_in"] < 0 else "/content/"
            action = {"href": base + place + oid, **expires}
            if request["operation"] == "download":
                if there:
                    result["actions"] = {"download": action}
                else:
                    result["error"] = {"code": 404, "message": "no such object"}
            elif not there:
                result["actions"] = {"upload": action, "verify": {"href": base + "/verify"}}
            answer.append(result)
        self.answer(200, {"transfer": "basic", "objects": answer, "hash_algo": "sha256"})

    def do_PUT(self):
        data = self.body()
        if self.user() is None:
            return
        if strikes("full"):
            return self.fail(507, "disk full")
        oid = self.path.split("/")[-1]
        if not self.path.startswith("/content/") or hashlib.sha256(data).hexdigest() != oid:
            return self.fail(422, "hash does not fit")
        with open(self.path_of(oid), "wb") as file:
            file.write(data)
        self.answer(200)

    def do_GET(self):
        name = self.user()
        if name is None:
            return
        parts = urllib.parse.urlsplit(self.path)
        if parts.path == "/locks" and offers_locks:
            return self.locks_get(dict(urllib.parse.parse_qsl(parts.query)))
        oid = parts.path.split("/")[-1]
        if not parts.path.startswith("/content/") or not os.path.exists(self.path_of(oid)):
            return self.fail(403 if parts.path.startswith("/stale/") else 404, "not here")
        if strikes("gone"):
            return self.fail(410, "gone")
        with open(self.path_of(oid), "rb") as file:
            data = file.read()
        if strikes("wrong"):
            data = data[:-1] + bytes([data[-1] ^ 1])
        if strikes("short"):
            data = data[: len(data) // 2]
        start, status = 0, 200
        if self.headers.get("Range") and not strikes("noranges"):
            start, status = int(self.headers["Range"].split("=")[1].split("-")[0]), 206
            if start >= len(data):
                return self.fail(416, "no such range")
        self.send_response(status)
        self.send_header("Content-Length", str(len(data) - start))
        if status == 206:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.end_headers()
        if strikes("cut"):
            self.wfile.write(data[start : start + (len(data) - start) // 2])
            self.wfile.flush()
            self.close_connection = True
            self.connection.shutdown(2)
            return
        self.wfile.write(data[start:])

    def locks_get(self, query):
        with lock:
            found = [l for l in locks if all(query.get(k) in (None, l[k]) for k in ("path", "id"))]
        # Two a page, so that every client must follow the cursor.
        start = int(query.get("cursor", 0))
        answer = {"locks": found[start : start + 2]}
        if start + 2 < len(found):
            answer["next_cursor"] = str(start + 2)
        self.answer(200, answer)

    def locks_post(self, path, request, name):
        with lock:
            if path == "/locks/verify":
                mine = [l for l in locks if l["owner"]["name"] == name]
                status, answer = 200, {"ours": mine, "theirs": [l for l in locks if l not in mine]}
            elif path == "/locks":
                held = [l for l in locks if l["path"] == request["path"]]
                if held:
                    status, answer = 409, {"lock": held[0], "message": "already created lock"}
                else:
                    new = {"id": f"id-{len(locks)}-{hashlib.sha1(request['path'].encode()).hexdigest()[:6]}",
                           "path": request["path"], "locked_at": "2026-01-02T03:04:05Z", "owner": {"name": name}}
                    locks.append(new)
                    status, answer = 201, {"lock": new}
            else:
                held = [l for l in locks if path == "/locks/" + l["id"] + "/unlock"]
                if not held:
                    status, answer = 404, {"message": "no such lock"}
                elif held[0]["owner"]["name"] != name and not request.get("force"):
                    status, answer = 403, {"message": "held by " + held[0]["owner"]["name"]}
                else:
                    locks.remove(held[0])
                    status, answer = 200, {"lock": held[0]}
        self.answer(status, answer)


arguments = sys.argv[1:]
folder = os.path.abspath(arguments.pop(0))
os.makedirs(folder, exist_ok=True)
end_with(folder)
while arguments:
    option = arguments.pop(0)
    if option == "--users":
        users.update(pair.split(":") for pair in arguments.pop(0).split(","))
    elif option == "--fault":
        fault, _, count = arguments.pop(0).partition("=")
        faults[fault] = int(count or 1_000_000)
    elif option == "--no-locks":
        offers_locks = False
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
