"""A stand-in for Google Drive, written from the public description of its API (v3): files of one folder, resumable
uploads, and the token endpoint for a service account (RS256, checked with openssl) and for a refresh token.

usage: drive_server.py FOLDER PUBLIC-KEY.pem; prints its port, then a line a request.
"""

import base64, hashlib, json, os, re, subprocess, sys, tempfile, urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lifetime import end_with

FOLDER, PUBLIC = sys.argv[1], sys.argv[2]
FILES, SESSIONS, PAGE = {}, {}, 50
LIMITS = {"left": 1}


def signed(assertion):
    head, claims, signature = assertion.split(".")
    decode = lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    with tempfile.NamedTemporaryFile() as sig:
        sig.write(decode(signature)), sig.flush()
        command = ["openssl", "dgst", "-sha256", "-verify", PUBLIC, "-signature", sig.name]
        good = subprocess.run(command, input=f"{head}.{claims}".encode(), capture_output=True).returncode == 0
    return good and json.loads(decode(head))["alg"] == "RS256" and "drive" in json.loads(decode(claims))["scope"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, body=b"", **headers):
        body = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def error(self, status, reason):
        self.reply(status, {"error": {"errors": [{"reason": reason}], "message": reason}})

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urllib.parse.urlparse(self.path)
        query = {k: v[0] for k, v in urllib.parse.parse_qs(url.query).items()}
        if url.path == "/token":
            form = {k: v[0] for k, v in urllib.parse.parse_qs(body.decode()).items()}
            good = form.get("refresh_token") == "fresh" and form.get("client_secret") == "s"
            if not good and not ("assertion" in form and signed(form["assertion"])):
                return self.reply(400, {"error_description": "Invalid grant"})
            return self.reply(200, {"access_token": "good", "expires_in": 3600})
        if self.headers.get("Authorization") != "Bearer good":
            return self.error(401, "authError")
        if url.path == "/drive/v3/files" and self.command == "GET":
            if LIMITS["left"]:
                LIMITS["left"] -= 1
                return self.error(403, "userRateLimitExceeded")
            if f"'{FOLDER}' in parents" not in query["q"]:
                return self.error(404, "notFound")
            found = re.search(r"name = '((?:[^'\\]|\\.)*)'", query["q"])
            name = found and re.sub(r"\\(.)", r"\1", found[1])
            rows = [
                {"id": i, "name": n, "size": str(len(c)), "sha256Checksum": hashlib.sha256(c).hexdigest()}
                for i, (n, c) in sorted(FILES.items()) if name is None or n == name
            ]
            start = int(query.get("pageToken", 0))
            more = {"nextPageToken": str(start + PAGE)} if start + PAGE < len(rows) else {}
            return self.reply(200, {"files": rows[start : start + PAGE], **more})
        if url.path == "/upload/drive/v3/files" and self.command == "POST":
            about = json.loads(body)
            assert about["parents"] == [FOLDER]
            key = f"s{len(SESSIONS)}"
            SESSIONS[key] = [about["name"], b""]
            return self.reply(200, Location=f"http://{self.headers['Host']}/session/{key}")
        if url.path.startswith("/session/"):
            session = SESSIONS[url.path.split("/")[-1]]
            span, total = self.headers["Content-Range"].removeprefix("bytes ").split("/")
            if span != "*":
                assert int(span.split("-")[0]) == len(session[1])
                # As the real one may: not all of a part is taken.
                session[1] += body[: 3 << 20] if len(body) == 16 << 20 else body
            if len(session[1]) < int(total):
                return self.reply(308, Range=f"bytes=0-{len(session[1]) - 1}")
            name = f"f{len(SESSIONS):05}{hash(session[0]) & 0xFFFF:x}"
            FILES[name] = tuple(session)
            return self.reply(200, {"id": name})
        identity = url.path.split("/")[-1]
        if identity not in FILES:
            return self.error(404, "notFound")
        if self.command == "DELETE":
            del FILES[identity]
            return self.reply(204)
        low, high = self.headers["Range"].removeprefix("bytes=").split("-")
        return self.reply(206, FILES[identity][1][int(low) : int(high) + 1])

    do_GET = do_POST = do_PUT = do_DELETE = serve

    def log_message(self, form, *values):
        print(self.command, self.path, values[1], flush=True)


end_with(os.getcwd())
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
