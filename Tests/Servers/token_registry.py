"""Demands bearer tokens in front of a registry that has none (docker's "token authentication specification").

usage: token_registry.py REGISTRY-PORT USER PASSWORD; prints its port, then a line a request.
"""

import base64, http.client, http.server, os, sys, urllib.parse

from lifetime import end_with

BACKEND, USER, PASSWORD = int(sys.argv[1]), sys.argv[2], sys.argv[3]
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
TOKENS = set()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urllib.parse.urlparse(self.path)
        if url.path == "/token":
            if self.headers.get("Authorization") != BASIC:
                return self.reply(401)
            scope = urllib.parse.parse_qs(url.query)["scope"][0]
            TOKENS.add(f"t{len(TOKENS)}-{scope.split(':')[-1]}")
            return self.reply(200, ('{"token": "%s"}' % sorted(TOKENS)[-1]).encode())
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in TOKENS:
            realm = f'Bearer realm="http://{self.headers["Host"]}/token",service="test",'
            return self.reply(401, headers=[("WWW-Authenticate", realm + 'scope="repository:team/data:pull"')])
        backend = http.client.HTTPConnection("127.0.0.1", BACKEND)
        headers = {k: v for k, v in self.headers.items() if k not in ("Host", "Authorization")}
        backend.request(self.command, self.path, body, {**headers, "Host": self.headers["Host"]})
        answer = backend.getresponse()
        content = answer.read()
        drop = ("content-length", "transfer-encoding", "connection")
        return self.reply(answer.status, content, [h for h in answer.getheaders() if h[0].lower() not in drop])

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = serve

    def log_message(self, form, *values):
        print(self.command, self.path, values[1], flush=True)


end_with(os.getcwd())
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
