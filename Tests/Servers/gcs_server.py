"""A stand-in for Google Cloud Storage, written from the public description of its JSON API: tokens are checked, objects are made
once (ifGenerationMatch=0), checksums are compared, resumable uploads answer for their state, and parts are taken incompletely.
With a token endpoint for a service account (RS256, checked with openssl) and a refresh token, and a metadata server.

usage: gcs_server.py BUCKET PUBLIC-KEY.pem; prints its port, then a line a request.
"""

import base64, hashlib, json, os, subprocess, sys, tempfile, urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lifetime import end_with

BUCKET, PUBLIC = sys.argv[1], sys.argv[2]
OBJECTS, SESSIONS, PAGE = {}, {}, 50
STATE = {"stale": True, "broken": 2}


def signed(assertion):
    head, claims, signature = assertion.split(".")
    decode = lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    with tempfile.NamedTemporaryFile() as sig:
        sig.write(decode(signature)), sig.flush()
        command = ["openssl", "dgst", "-sha256", "-verify", PUBLIC, "-signature", sig.name]
        good = subprocess.run(command, input=f"{head}.{claims}".encode(), capture_output=True).returncode == 0
    claims = json.loads(decode(claims))
    return good and json.loads(decode(head))["alg"] == "RS256" and "devstorage" in claims["scope"] and claims["iss"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, body=b"", **headers):
        body = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def error(self, status, message):
        self.reply(status, {"error": {"code": status, "message": message}})

    def store(self, about, content):
        if base64.b64encode(hashlib.md5(content).digest()).decode() != about["md5Hash"]:
            return self.error(400, "Provided MD5 hash does not match")
        if about["name"] in OBJECTS:
            return self.error(412, "At least one of the pre-conditions you specified did not hold.")
        OBJECTS[about["name"]] = content
        self.reply(200, {"name": about["name"], "size": str(len(content))})

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urllib.parse.urlparse(self.path)
        query = {k: v[0] for k, v in urllib.parse.parse_qs(url.query).items()}
        good = {"access_token": "good", "expires_in": 3600}
        if url.path == "/token":
            form = {k: v[0] for k, v in urllib.parse.parse_qs(body.decode()).items()}
            if form.get("refresh_token") == "fresh" or "assertion" in form and signed(form["assertion"]):
                return self.reply(200, good)
            return self.reply(400, {"error_description": "Invalid grant"})
        if url.path.startswith("/computeMetadata/v1/instance/service-accounts/default/token"):
            return self.reply(200, good) if self.headers.get("Metadata-Flavor") == "Google" else self.reply(403)
        if url.path.startswith("/session/"):
            return self.session(url.path, body)
        if self.headers.get("Authorization") != "Bearer good" or STATE.pop("stale", False):
            return self.error(401, "Invalid Credentials")
        root = f"/storage/v1/b/{BUCKET}/o"
        if not url.path.removeprefix("/upload").startswith(root):
            return self.error(404, "The specified bucket does not exist.")
        if url.path == "/upload" + root:
            assert query["ifGenerationMatch"] == "0"
            if query["uploadType"] == "multipart":
                boundary = self.headers["Content-Type"].split("boundary=")[1].encode()
                parts = [part.split(b"\r\n\r\n", 1)[1][:-2] for part in body.split(b"--" + boundary)[1:-1]]
                return self.store(json.loads(parts[0]), parts[1])
            key = f"s{len(SESSIONS)}"
            SESSIONS[key] = [json.loads(body), b""]
            return self.reply(200, Location=f"http://{self.headers['Host']}/session/{key}")
        if url.path == root:
            names = sorted(name for name in OBJECTS if name.startswith(query["prefix"]))
            start = int(query.get("pageToken", 0))
            more = {"nextPageToken": str(start + PAGE)} if start + PAGE < len(names) else {}
            return self.reply(200, {"items": [{"name": name} for name in names[start : start + PAGE]], **more})
        name = urllib.parse.unquote(url.path.removeprefix(root + "/"))
        if name not in OBJECTS:
            return self.error(404, f"No such object: {BUCKET}/{name}")
        content = OBJECTS[name]
        if self.command == "DELETE":
            del OBJECTS[name]
            return self.reply(204)
        if query.get("alt") != "media":
            return self.reply(200, {"size": str(len(content))})
        if "Range" in self.headers:
            low, high = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
            if low >= len(content):
                return self.error(416, "Requested range not satisfiable")
            return self.reply(206, content[low : high + 1])
        md5 = base64.b64encode(hashlib.md5(content).digest()).decode()
        if name.endswith("/damaged"):
            content = b"x" + content[1:]
        return self.reply(200, content, x_goog_hash=f"crc32c=AAAAAA==,md5={md5}")

    def session(self, path, body):
        session = SESSIONS[path.split("/")[-1]]
        span, total = self.headers["Content-Range"].removeprefix("bytes ").split("/")
        if span != "*":
            if STATE["broken"]:
                # Half of what came is kept, and then the service has a bad moment.
                STATE["broken"] -= 1
                session[1] += body[: len(body) // 2 // 262144 * 262144]
                return self.error(503, "Backend error")
            assert int(span.split("-")[0]) == len(session[1])
            session[1] += body[: 3 << 20] if len(body) == 16 << 20 else body
        if len(session[1]) < int(total):
            return self.reply(308, **({"Range": f"bytes=0-{len(session[1]) - 1}"} if session[1] else {}))
        self.store(*session)

    do_GET = do_POST = do_PUT = do_DELETE = serve

    def log_message(self, form, *values):
        print(self.command, self.path, values[1], flush=True)


end_with(os.getcwd())
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
