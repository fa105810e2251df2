#!/usr/bin/env python3
"""An S3 server of a test's own, which believes no request that is not signed (AWS signature version
4, by query parameters). It shares no code with what makes the addresses. Objects live in memory.

arguments: ADDRESS ACCESS_KEY SECRET_KEY BUCKET  (its port is the first line it prints)
One line per request follows: METHOD STATUS KEY REASON
"""
import datetime
import email.utils
import hashlib
import hmac
import http.server
import re
import sys
import threading
import urllib.parse

address, access_key, secret_key, bucket = sys.argv[1:5]
objects = {}
lock = threading.Lock()


class Refused(Exception):
    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code = status, code


def expect(condition, code, message, status=403):
    if not condition:
        raise Refused(status, code, message)


def digest(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def check_signature(method, target, headers):
    """AWS: "Authenticating Requests: Using Query Parameters". Raises Refused."""
    path, _, raw_query = target.partition("?")
    pairs = [tuple(part.partition("=")[::2]) for part in raw_query.split("&") if part]
    query = {urllib.parse.unquote(name): urllib.parse.unquote(value) for name, value in pairs}
    expect("X-Amz-Signature" in query, "AccessDenied", "no signature")
    expect(query.get("X-Amz-Algorithm") == "AWS4-HMAC-SHA256", "InvalidRequest", "algorithm")
    who, day, region, service, end = query["X-Amz-Credential"].split("/")
    expect(who == access_key, "InvalidAccessKeyId", "no such key")
    expect((service, end) == ("s3", "aws4_request"), "AuthorizationQueryParametersError", "scope")
    begin = datetime.datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
    expect(begin.strftime("%Y%m%d") == day, "AuthorizationQueryParametersError", "day")
    length = int(query["X-Amz-Expires"])
    expect(0 < length <= 604800, "AuthorizationQueryParametersError", "expires")
    now = datetime.datetime.utcnow()
    expect(begin <= now + datetime.timedelta(minutes=15), "AccessDenied", "not yet valid")
    expect(now <= begin + datetime.timedelta(seconds=length), "AccessDenied", "Request has expired")
    signed = query["X-Amz-SignedHeaders"].split(";")
    expect("host" in signed, "AccessDenied", "host is not signed")
    for name in headers:
        if name.lower().startswith("x-amz-"):
            expect(name.lower() in signed, "AccessDenied", name + " is not signed")
    lines = ""
    for name in signed:
        expect(name in headers, "AccessDenied", name + " is missing")
        lines += name + ":" + re.sub(" +", " ", headers[name].strip()) + "\n"
    kept = sorted(pair for pair in pairs if pair[0] != "X-Amz-Signature")
    canonical = "\n".join(
        [method, path, "&".join("=".join(pair) for pair in kept), lines, ";".join(signed),
         "UNSIGNED-PAYLOAD"])
    text = "\n".join(["AWS4-HMAC-SHA256", query["X-Amz-Date"], f"{day}/{region}/s3/aws4_request",
                      hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret_key).encode()
    for part in (day, region, "s3", "aws4_request"):
        key = digest(key, part)
    expect(hmac.compare_digest(digest(key, text).hex(), query["X-Amz-Signature"]),
           "SignatureDoesNotMatch", "The request signature we calculated does not match")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", headers=None, reason="-"):
        print(self.command, status, urllib.parse.urlsplit(self.path).path, reason, flush=True)
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if "Content-Length" not in (headers or {}):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_request(self):
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        try:
            names = {name.lower(): value for name, value in self.headers.items()}
            check_signature(self.command, self.path, names)
            path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
            expect(path.startswith(f"/{bucket}/"), "NoSuchBucket", "no such bucket", 404)
            self.serve(path[len(bucket) + 2:], names, body)
        except Refused as refused:
            text = (f"<Error><Code>{refused.code}</Code><Message>{refused}</Message></Error>").encode()
            self.answer(refused.status, text, {"Content-Type": "application/xml"}, refused.code)

    def serve(self, key, headers, body):
        if self.command == "PUT":
            kept = {n: v for n, v in headers.items()
                    if n.startswith("x-amz-meta-") or n.startswith("x-amz-server-side")}
            kept["Last-Modified"] = email.utils.formatdate(usegmt=True)
            kept["ETag"] = '"' + hashlib.md5(body).hexdigest() + '"'
            with lock:
                objects[key] = (body, kept)
            self.answer(200)
            return
        with lock:
            found = objects.get(key)
        expect(found, "NoSuchKey", "The specified key does not exist.", 404)
        body, kept = found
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", headers.get("range", ""))
        if wanted:
            begin, end = int(wanted[1]), min(int(wanted[2]) + 1, len(body))
            ranged = {"Content-Range": f"bytes {begin}-{end - 1}/{len(body)}"}
            self.answer(206, body[begin:end], {**kept, **ranged})
            return
        self.answer(200, body, {**kept, "Content-Length": str(len(body))})

    do_GET = do_HEAD = do_PUT = handle_request


server = http.server.ThreadingHTTPServer((address, 0), Handler)
server.daemon_threads = True
print(server.server_address[1], flush=True)
server.serve_forever()
