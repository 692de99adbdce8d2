"""Sends elsewhere: /CODE answers with the code and a Location on the host given as argument, /CODE/self with one of its own,
/CODE/endless with itself. Every other path answers with the headers of the request. Prints its port, then a line a request.
"""

import os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from lifetime import end_with


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        parts = self.path.strip("/").split("/")
        if parts[0].isdigit():
            self.send_response(int(parts[0]))
            target = {"self": "/seen", "endless": self.path}.get(parts[-1]) or sys.argv[1] + "/seen"
            self.send_header("Location", target)
            body = b""
        else:
            self.send_response(200)
            body = "".join(f"{name.lower()}: {value}\n" for name, value in self.headers.items()).encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form, *values):
        print(self.command, self.path, values[1], flush=True)


end_with(os.getcwd())
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
