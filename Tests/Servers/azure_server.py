"""A stand-in for Azure's Blob service, written from the public description of its REST API. Whether a request is signed rightly
decides the vendor's own library (PyPI: azure-storage-blob), which signs the same request again. A shared access signature of
the same library is written to the file `sas`; a token of the service principal `id`/`secret` is taken too.

usage: azure_server.py ACCOUNT CONTAINER KEY; prints its port, then a line a request.
"""

import base64, datetime, hashlib, json, os, sys, urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from azure.core.rest import HttpRequest
from azure.storage.blob import ContainerSasPermissions, generate_container_sas
from azure.storage.blob._shared.authentication import SharedKeyCredentialPolicy

from lifetime import end_with

ACCOUNT, CONTAINER, KEY = sys.argv[1:4]
BLOBS, BLOCKS, PAGE = {}, {}, 50
JUDGE = SharedKeyCredentialPolicy(ACCOUNT, KEY)
LATER = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
SAS = generate_container_sas(
    ACCOUNT, CONTAINER, account_key=KEY, expiry=LATER, permission=ContainerSasPermissions(True, True, True, list=True))
with open("sas", "w") as file:
    file.write(SAS + "\n")


def authorization(method, url, headers):
    request = HttpRequest(method, url, headers=headers)
    JUDGE.on_request(SimpleNamespace(http_request=request, context=SimpleNamespace(options={}, transport=None)))
    return request.headers["Authorization"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, body=b"", **headers):
        body = json.dumps(body).encode() if isinstance(body, dict) else body
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", headers.get("Content_Length") or str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def error(self, status, code):
        body = f"\ufeff<?xml version='1.0' encoding='utf-8'?><Error><Code>{code}</Code><Message>{code}.\nRequestId:1</Message></Error>"
        self.reply(status, body.encode(), x_ms_error_code=code)

    def may(self, query):
        given = self.headers.get("Authorization", "")
        if given.startswith("SharedKey "):
            headers = {n: v for n, v in self.headers.items() if n.lower() != "authorization"}
            return authorization(self.command, f"http://{self.headers['Host']}{self.path}", headers) == given
        if given.startswith("Bearer "):
            return given == "Bearer good" and self.headers["x-ms-version"] >= "2017-11-09"
        wanted = dict(urllib.parse.parse_qsl(SAS))
        return all(query.get(name) == value for name, value in wanted.items())

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        if url.path == "/tenant/oauth2/v2.0/token":
            form = dict(urllib.parse.parse_qsl(body.decode()))
            good = form["client_secret"] == "secret" and form["scope"] == "https://storage.azure.com/.default"
            return self.reply(200, {"access_token": "good", "expires_in": 3599}) if good else self.reply(401, {"error_description": "wrong secret"})
        if url.path == "/identity":
            good = self.headers.get("X-IDENTITY-HEADER") == "proof" and query["resource"] == "https://storage.azure.com/"
            return self.reply(200, {"access_token": "good", "expires_in": "3599"}) if good else self.reply(403)
        _, account, container, name = (urllib.parse.unquote(url.path) + "/").split("/", 3)
        name = name[:-1]
        if account != ACCOUNT or not self.may(query):
            return self.error(403, "AuthenticationFailed")
        if container != CONTAINER:
            return self.error(404, "ContainerNotFound")
        if self.command == "PUT" and "Content-MD5" in self.headers:
            if base64.b64encode(hashlib.md5(body).digest()).decode() != self.headers["Content-MD5"]:
                return self.error(400, "Md5Mismatch")
        if not name:
            assert query["restype"] == "container" and query["comp"] == "list"
            names = sorted(n for n in BLOBS if n.startswith(query["prefix"]))
            start = int(query.get("marker", 0))
            rows = [f"<Blob><Name>{escape(n)}</Name><Properties/></Blob>" for n in names[start : start + PAGE]]
            more = str(start + PAGE) if start + PAGE < len(names) else ""
            return self.reply(
                200, f"<EnumerationResults><Blobs>{''.join(rows)}</Blobs><NextMarker>{more}</NextMarker></EnumerationResults>".encode())
        comp = query.get("comp")
        if comp == "block":
            BLOCKS.setdefault(name, {})[query["blockid"]] = body
            return self.reply(201)
        if comp == "blocklist" and self.command == "GET":
            if name not in BLOCKS:
                return self.error(404, "BlobNotFound")
            rows = [f"<Block><Name>{n}</Name><Size>{len(b)}</Size></Block>" for n, b in BLOCKS[name].items()]
            return self.reply(200, f"<BlockList><UncommittedBlocks>{''.join(rows)}</UncommittedBlocks></BlockList>".encode())
        if self.command == "PUT":
            if name in BLOBS and self.headers.get("If-None-Match") == "*":
                return self.error(409, "BlobAlreadyExists")
            if comp == "blocklist":
                body = b"".join(BLOCKS[name][item.text] for item in ElementTree.fromstring(body))
                BLOCKS.pop(name)
            else:
                assert self.headers["x-ms-blob-type"] == "BlockBlob"
            BLOBS[name] = body
            return self.reply(201)
        if name not in BLOBS:
            return self.error(404, "BlobNotFound")
        content = BLOBS[name]
        if self.command == "DELETE":
            del BLOBS[name]
            return self.reply(202)
        if self.command == "HEAD":
            return self.reply(200, Content_Length=str(len(content)))
        if "x-ms-range" in self.headers:
            low, high = map(int, self.headers["x-ms-range"].removeprefix("bytes=").split("-"))
            if low >= len(content):
                return self.error(416, "InvalidRange")
            part = content[low : high + 1]
            return self.reply(206, part, Content_Range=f"bytes {low}-{low + len(part) - 1}/{len(content)}")
        self.reply(200, content, Content_MD5=base64.b64encode(hashlib.md5(content).digest()).decode())

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = serve

    def log_message(self, form, *values):
        print(self.command, self.path.split("sig=")[0], values[1], flush=True)


end_with(os.getcwd())
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
