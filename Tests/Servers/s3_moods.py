"""A stand-in for what Amazon S3 answers when something is not right at first: the bucket is in another region, the client's
clock is wrong, a session has expired. Lists nothing when all is well. /container hands out credentials, old ones first.

usage: s3_moods.py; prints its port, then a line a request.
"""

import datetime, email.utils, json, os, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lifetime import end_with

AHEAD, TOKENS = 7200, ["old", "fresh"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, body, **headers):
        self.send_response_only(status)
        self.send_header("Date", email.utils.formatdate(time.time() + AHEAD, usegmt=True))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())
        print(self.command, self.path, status, flush=True)

    def error(self, code, status=403, **headers):
        self.reply(status, f"<Error><Code>{code}</Code><Message>no</Message></Error>", **headers)

    def do_GET(self):
        if self.path == "/container":
            token = TOKENS.pop(0) if len(TOKENS) > 1 else TOKENS[0]
            keys = {"AccessKeyId": "K", "SecretAccessKey": "s", "Token": token, "Expiration": "2099-01-01T00:00:00Z"}
            return self.reply(200, json.dumps(keys))
        if "/eu-west-1/s3/" not in self.headers.get("Authorization", ""):
            return self.error("AuthorizationHeaderMalformed", 400, x_amz_bucket_region="eu-west-1")
        signed = datetime.datetime.strptime(self.headers["x-amz-date"] + "+0000", "%Y%m%dT%H%M%SZ%z").timestamp()
        if abs(signed - time.time() - AHEAD) > 300:
            return self.error("RequestTimeTooSkewed")
        if self.headers.get("x-amz-security-token") != "fresh":
            return self.error("ExpiredToken", 400)
        self.reply(200, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")

    def log_message(self, form, *values):
        pass


end_with(os.getcwd())
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
