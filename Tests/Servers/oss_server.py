"""A stand-in for Aliyun's Object Storage Service, written from the public description of its API. Whether a request is signed
rightly decides the vendor's own library (PyPI: oss2), which signs the same request again.

usage: oss_server.py BUCKET REGION KEY SECRET; prints its port, then a line a request.
"""

import base64, datetime, hashlib, os, sys, urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import oss2.auth
from oss2.credentials import StaticCredentialsProvider

from lifetime import end_with

BUCKET, REGION, KEY, SECRET = sys.argv[1:5]
OBJECTS, UPLOADS, PAGE = {}, {}, 50
SIGNER = oss2.auth.ProviderAuthV4(StaticCredentialsProvider(KEY, SECRET))


class Clock:
    """The library's clock stands at the moment a request was signed."""

    moment = None

    @classmethod
    def utcnow(cls):
        return datetime.datetime.strptime(cls.moment, "%Y%m%dT%H%M%SZ")


oss2.auth.datetime = Clock


class Request:
    cloudbox_id, product, region = None, "oss", REGION


def authorization(method, bucket, key, query, headers):
    request = Request()
    request.method, request.params = method, dict(query)
    request.headers = {n: v for n, v in headers.items() if n.lower() != "authorization"}
    Clock.moment = headers["x-oss-date"]
    SIGNER._sign_request(request, bucket, key)
    return request.headers["authorization"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", headers.get("Content_Length") or str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def xml(self, name, body, status=200):
        self.reply(status, f"<?xml version='1.0' encoding='UTF-8'?><{name}>{body}</{name}>".encode())

    def error(self, status, code, message=""):
        self.xml("Error", f"<Code>{code}</Code><Message>{message}</Message>", status)

    def store(self, key, content, status=200, **headers):
        if key in OBJECTS and self.headers.get("x-oss-forbid-overwrite") == "true":
            return self.error(409, "FileAlreadyExists")
        OBJECTS[key] = content
        return self.reply(status, **headers) if self.command == "PUT" else self.xml("CompleteMultipartUploadResult", "")

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        _, bucket, key = (urllib.parse.unquote(url.path) + "/").split("/", 2)
        key = key[:-1]
        given = self.headers.get("Authorization", "")
        if f"Credential={KEY}/" not in given:
            return self.error(403, "InvalidAccessKeyId", "The OSS Access Key Id you provided does not exist in our records.")
        if authorization(self.command, bucket, key, query, self.headers) != given:
            return self.error(403, "SignatureDoesNotMatch")
        if bucket != BUCKET:
            return self.error(404, "NoSuchBucket")
        if self.command in ("PUT", "POST") and "Content-MD5" in self.headers:
            if base64.b64encode(hashlib.md5(body).digest()).decode() != self.headers["Content-MD5"]:
                return self.error(400, "InvalidDigest", "The Content-MD5 you specified did not match what we received.")
        if not key and "uploads" in query:
            rows = [f"<Upload><Key>{escape(k)}</Key><UploadId>{i}</UploadId></Upload>" for i, (k, _) in UPLOADS.items()]
            return self.xml("ListMultipartUploadsResult", "".join(rows))
        if not key:
            assert query["list-type"] == "2" and query["encoding-type"] == "url"
            names = sorted(name for name in OBJECTS if name.startswith(query["prefix"]))
            start = int(query.get("continuation-token", 0))
            rows = [f"<Contents><Key>{urllib.parse.quote(n, safe='')}</Key></Contents>" for n in names[start : start + PAGE]]
            more = start + PAGE < len(names)
            next_page = f"<NextContinuationToken>{start + PAGE}</NextContinuationToken>" if more else ""
            head = f"<EncodingType>url</EncodingType><IsTruncated>{str(more).lower()}</IsTruncated>"
            return self.xml("ListBucketResult", head + next_page + "".join(rows))
        if "uploads" in query:
            UPLOADS[f"u{len(UPLOADS)}"] = (key, {})
            return self.xml("InitiateMultipartUploadResult", f"<UploadId>u{len(UPLOADS) - 1}</UploadId>")
        if "uploadId" in query:
            return self.upload(key, query, body)
        if self.command == "PUT":
            return self.store(key, body)
        if self.command == "DELETE":
            OBJECTS.pop(key, None)
            return self.reply(204)
        if key not in OBJECTS:
            return self.error(404, "NoSuchKey")
        content = OBJECTS[key]
        if self.command == "HEAD":
            return self.reply(200, Content_Length=str(len(content)))
        if "Range" in self.headers:
            low, high = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
            # A range beyond the end is not taken for one.
            if high < len(content):
                return self.reply(206, content[low : high + 1], Content_Range=f"bytes {low}-{high}/{len(content)}")
        self.reply(200, content, Content_MD5=base64.b64encode(hashlib.md5(content).digest()).decode())

    def upload(self, key, query, body):
        if query["uploadId"] not in UPLOADS:
            return self.error(404, "NoSuchUpload")
        parts = UPLOADS[query["uploadId"]][1]
        if self.command == "PUT":
            parts[int(query["partNumber"])] = body
            return self.reply(200, ETag=f'"{hashlib.md5(body).hexdigest().upper()}"')
        if self.command == "GET":
            rows = [
                f'<Part><PartNumber>{n}</PartNumber><ETag>"{hashlib.md5(p).hexdigest().upper()}"</ETag><Size>{len(p)}</Size></Part>'
                for n, p in sorted(parts.items())
            ]
            return self.xml("ListPartsResult", "".join(rows))
        del UPLOADS[query["uploadId"]]
        if self.command == "DELETE":
            return self.reply(204)
        content = b""
        for part in ElementTree.fromstring(body):
            values = {child.tag.split("}")[-1]: child.text for child in part}
            data = parts[int(values["PartNumber"])]
            if values["ETag"].strip('"') != hashlib.md5(data).hexdigest().upper():
                return self.error(400, "InvalidPart")
            content += data
        self.store(key, content)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = serve

    def log_message(self, form, *values):
        print(self.command, self.path, values[1], flush=True)


end_with(os.getcwd())
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
