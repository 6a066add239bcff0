# SPDX-License-Identifier: Apache-2.0
"""A web server with videos, and an S3 server that checks signatures, for tests.

`files` maps paths to bytes. `faults` is a list of what shall go wrong with the next requests, used up one a request; None is no fault:
    ("status", 503, {"Retry-After": "0"}, b"")   that reply
    ("cut", 1000)                                so many bytes, then the line is closed
    ("hold", event)                              nothing until the event is set
    ("call", function)                           calls it, then replies
With `keys` ({id: secret}) it is an S3 server for path-style addresses: each request needs a signature in its address, which is
checked here by the rules of AWS Signature Version 4 (query parameters), independently of what made it."""
import hashlib
import hmac
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, unquote, urlsplit


def hmac_of(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def refuse(server, handler):
    """(code, message) of what an S3 server has against a request; None = nothing."""
    url = urlsplit(handler.path)
    query = dict(parse_qsl(url.query, keep_blank_values=True, strict_parsing=True)) if url.query else {}
    missing = [n for n in ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature") if f"X-Amz-{n}" not in query]
    if missing:
        return "AccessDenied", "Access Denied."
    key, day, region, service, end = query["X-Amz-Credential"].split("/")
    secret = server.keys.get(key)
    if not secret:
        return "InvalidAccessKeyId", "The Access Key Id you provided does not exist in our records."
    if (query["X-Amz-Algorithm"], service, end) != ("AWS4-HMAC-SHA256", "s3", "aws4_request") or region != server.region:
        return "AuthorizationHeaderMalformed", f"the region '{region}' is wrong; expecting '{server.region}'"
    if query.get("X-Amz-Security-Token") != server.session:
        return "InvalidToken", "The provided token is malformed or otherwise invalid."
    headers = query["X-Amz-SignedHeaders"].split(";")
    if "host" not in headers:
        return "AccessDenied", "the host is not signed"
    at = time.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
    begun = int(time.strftime("%s", at)) - time.timezone
    if not query["X-Amz-Date"].startswith(day) or begun > time.time() + 900:
        return "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."
    if time.time() + server.ahead > begun + int(query["X-Amz-Expires"]):
        return "AccessDenied", "Request has expired"

    given = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in query.items() if k != "X-Amz-Signature")
    request = "\n".join(["GET", quote(unquote(url.path), safe="/-_.~"), "&".join(f"{k}={v}" for k, v in given),
                         *(f"{h}:{handler.headers[h].strip()}" for h in headers), "", ";".join(headers), "UNSIGNED-PAYLOAD"])
    text = "\n".join(["AWS4-HMAC-SHA256", query["X-Amz-Date"], f"{day}/{region}/s3/aws4_request",
                      hashlib.sha256(request.encode()).hexdigest()])
    signing = f"AWS4{secret}".encode()
    for part in (day, region, "s3", "aws4_request"):
        signing = hmac_of(signing, part)
    if not hmac.compare_digest(hmac_of(signing, text).hex(), query["X-Amz-Signature"]):
        return "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided."
    return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, status, headers, body=b""):
        self.send_response(status)
        for k, v in headers.items():
            self.send_header(k, v)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        server = self.server.web
        with server.lock:
            server.requests.append((self.path, dict(self.headers)))
            fault = server.faults.pop(0) if server.faults else None
        kind = fault[0] if fault else ""
        if kind == "status":
            return self.reply(*fault[1:])
        if kind == "call":
            fault[1]()
        if kind == "hold":
            fault[1].wait()
        why = refuse(server, self) if server.keys else None
        if why:
            with server.lock:
                server.refused.append(why[0])
            body = f"<?xml version=\"1.0\"?><Error><Code>{why[0]}</Code><Message>{why[1]}</Message></Error>"
            return self.reply(403, {"Content-Type": "application/xml"}, body.encode())
        path = unquote(urlsplit(self.path).path)
        if path in server.redirects:
            return self.reply(302, {"Location": server.redirects[path]})
        if path not in server.files:
            return self.reply(404, {}, b"not here")
        return self.send(server, server.files[path], fault[1] if kind == "cut" else None)

    def send(self, server, data, cut):
        tag = server.tag(data)
        match, asked = self.headers.get("If-Match"), self.headers.get("Range")
        headers = {"ETag": tag} if tag else {}
        if match and match != tag:
            return self.reply(412, headers)
        if not asked or not server.ranges:
            return self.reply(200, headers, data)
        first, last = asked.removeprefix("bytes=").split("-")
        first, last = int(first), min(int(last), len(data) - 1)
        if first > last:
            return self.reply(416, {"Content-Range": f"bytes */{len(data)}"})
        with server.lock:
            server.sent.append((first, last + 1))
        self.send_response(206)
        for k, v in (headers | {"Content-Range": f"bytes {first}-{last}/{len(data)}", "Content-Length": str(last + 1 - first)}).items():
            self.send_header(k, v)
        self.end_headers()
        part = data[first:last + 1]
        self.wfile.write(part if cut is None else part[:cut])
        if cut is not None:
            self.close_connection = True
        return None


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Clients go away in the middle of an answer."""


class Web:
    def __init__(self, files, keys=None, region="us-east-1", session=None, tls=None):
        self.files, self.keys, self.region, self.session = files, keys, region, session
        self.redirects, self.faults, self.requests, self.refused, self.sent = {}, [], [], [], []
        self.ranges, self.marks, self.ahead = True, True, 0
        self.lock = threading.Lock()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.web = self
        if tls:  # (certificate, key): names of files
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.url = f"http{'s' if tls else ''}://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def tag(self, data):
        return f'"{hashlib.md5(data).hexdigest()}"' if self.marks else ""

    def bytes_sent(self):
        with self.lock:
            return sum(end - first for first, end in self.sent)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
