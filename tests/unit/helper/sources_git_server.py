"""Smart-HTTP git server for the tests of get_sources: git http-backend behind a basic-auth check,
with the download half of Git LFS's batch API; over HTTP and, with its certificate, over TLS.

Usage: sources_git_server.py <root of bare repositories> <log file> <user> <password> <cert> <key>
Prints its two ports, serves until it is ended. The log has one JSON object per request that was let
in. LFS objects are the files <root>/lfs/<oid>.
"""
import base64
import json
import os
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

root, log_path, user, password, certificate, key = sys.argv[1:7]
wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def lfs_object(self, wanted_object):
        found = os.path.join(root, "lfs", wanted_object["oid"])
        if not os.path.exists(found):
            return dict(wanted_object, error={"code": 404, "message": "no such object"})
        href = f"{self.server.base}/lfs/{wanted_object['oid']}"
        return dict(wanted_object, actions={"download": {"href": href, "header": {"Authorization": wanted}}})

    def answer_lfs(self, path, body):
        kind = [("Content-Type", "application/vnd.git-lfs+json")]
        if path.endswith("/info/lfs/objects/batch"):
            objects = [self.lfs_object(one) for one in json.loads(body)["objects"]]
            self.answer(200, kind, json.dumps({"transfer": "basic", "objects": objects}).encode())
        elif path.startswith("/lfs/"):
            with open(os.path.join(root, path.lstrip("/")), "rb") as found:
                self.answer(200, [], found.read())
        else:
            self.answer(404, kind, b"{}")

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.headers.get("Authorization") != wanted:
            self.answer(401, [("WWW-Authenticate", 'Basic realm="git"')], b"no\n")
            return
        with open(log_path, "a", encoding="utf-8") as log:
            fields = {
                "line": f"{self.command} {self.path}",
                "agent": self.headers.get("User-Agent"),
                "correlation": self.headers.get("X-Gitaly-Correlation-ID"),
            }
            log.write(json.dumps(fields) + "\n")
        path, _, query = self.path.partition("?")
        if "/lfs/" in path:
            self.answer_lfs(path, body)
            return
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": root,
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": user,
        }
        done = subprocess.run(
            ["git", "-c", "safe.directory=*", "http-backend"],
            input=body, stdout=subprocess.PIPE, env=environment, check=False)
        head, _, payload = done.stdout.partition(b"\r\n\r\n")
        headers = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n") if ": " in line]
        status = next((int(v.split()[0]) for n, v in headers if n == "Status"), 200)
        self.answer(status, [h for h in headers if h[0] != "Status"], payload)

    do_POST = do_GET


plain = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
plain.base = f"http://127.0.0.1:{plain.server_port}"
secure = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
secure.base = f"https://127.0.0.1:{secure.server_port}"
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
secure.socket = context.wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)
threading.Thread(target=secure.serve_forever, daemon=True).start()
print(plain.server_port, secure.server_port, flush=True)
plain.serve_forever()
