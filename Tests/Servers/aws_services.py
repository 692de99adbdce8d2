"""A stand-in for what hands out credentials at AWS: the container service, the instance metadata service (version 2 only) and
the token service. Prints its port, then a line a request.
"""

import json, os, urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lifetime import end_with

KEYS = {"SecretAccessKey": "secret", "Expiration": "2099-01-01T00:00:00Z"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, body=""):
        body = (json.dumps(body) if isinstance(body, dict) else body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def serve(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
        proof = self.headers.get("X-aws-ec2-metadata-token")
        roles = "/latest/meta-data/iam/security-credentials/"
        if self.path == "/container":
            if self.headers.get("Authorization") != "let-me-in":
                return self.reply(403)
            return self.reply(200, {"AccessKeyId": "CONTAINER", "Token": "container-token", **KEYS})
        if self.path == "/latest/api/token":
            good = self.command == "PUT" and int(self.headers["X-aws-ec2-metadata-token-ttl-seconds"]) <= 21600
            return self.reply(200 if good else 400, "proof")
        if self.path.startswith(roles):
            if proof != "proof":
                return self.reply(401)
            if self.path == roles:
                return self.reply(200, "my role")
            return self.reply(200 if self.path == roles + "my%20role" else 404, {"AccessKeyId": "INSTANCE", "Token": "t", **KEYS})
        action = form.get("Action", [""])[0]
        if action == "AssumeRoleWithWebIdentity" and "Authorization" not in self.headers:
            if form["WebIdentityToken"] != ["web-token"]:
                error = "<Code>InvalidIdentityToken</Code><Message>Not a good token</Message>"
                return self.reply(400, f"<ErrorResponse><Error>{error}</Error></ErrorResponse>")
            return self.reply(200, self.credentials(action, "WEB", "web"))
        if action == "AssumeRole" and form["RoleArn"] == ["arn:aws:iam::1:role/r"]:
            key = self.headers["Authorization"].split("Credential=")[1].split("/")
            assert key[3] == "sts" and "AWS4-HMAC-SHA256" in self.headers["Authorization"]
            return self.reply(200, self.credentials(action, "ROLE", "of " + key[0]))
        self.reply(404)

    def credentials(self, action, key, token):
        return (
            f"<{action}Response xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><{action}Result><Credentials>"
            f"<AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>{token}</SessionToken>"
            f"<Expiration>2099-01-01T00:00:00.123Z</Expiration></Credentials></{action}Result></{action}Response>"
        )

    do_GET = do_PUT = do_POST = serve

    def log_message(self, form, *values):
        print(self.command, self.path, values[1], flush=True)


end_with(os.getcwd())
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
