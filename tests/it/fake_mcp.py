"""An MCP server that misbehaves, or asks, tells and waits, on request: what it does is the name of the tool.

    fake_mcp.py stdio [--stubborn]   over standard input and output; stubborn: only SIGKILL ends it
    fake_mcp.py http                 over Streamable HTTP, on a free port that it prints; it speaks both eras there
    fake_mcp.py sse [FLAG]           over HTTP+SSE, on a free port that it prints; FLAG: `elsewhere` (posts are to go to
                                     others), or `quiet` (says nothing of what is wrong with a post)
    fake_mcp.py swap [events]        over Streamable HTTP in the legacy era, on a free port that it prints: two callers of
                                     `swapped` and `crossed` get each other's answers, in JSON or as events; `mistyped`
                                     breaks its output schema
"""

import json
import os
import random
import signal
import socketserver
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler

TOOLS = ["echo", "shuffled", "twice", "late", "never", "chatty", "stranger", "pinging", "asking", "text_id", "die",
         "asks", "announced", "floods", "needs", "steps", "slow", "swapped", "crossed", "typed", "mistyped", "works"]
TYPED = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
COMPLETE = {"resultType": "complete"}
ASKED = {"sampling": "sampling/createMessage", "roots": "roots/list", "elicitation": "elicitation/create"}


class Swap:
    """Two callers that get each other's answers; one that stays alone gets its own."""

    def __init__(self):
        self.lock = threading.Lock()
        self.waiting = None

    def offer(self, own, give):
        with self.lock:
            first, self.waiting = self.waiting, None if self.waiting else (own, give)
        if first:
            give(first[0])
            first[1](own)
        else:
            timer = threading.Timer(0.5, self.part, (give,))
            timer.daemon = True
            timer.start()

    def part(self, give):
        with self.lock:
            if self.waiting is None or self.waiting[1] is not give:
                return
            own, self.waiting = self.waiting[0], None
        give(own)


SWAP = Swap()
# Of the modern era, by their ids: how often they are asked for before they end, and how.
TASKS = {}


def content(arguments):
    return {"content": [{"type": "text", "text": json.dumps(arguments)}]}


def described(name):
    tool = {"name": name, "inputSchema": {"type": "object"}}
    return {**tool, "outputSchema": TYPED} if name in ("typed", "mistyped") else tool


def state(id, status):
    return {"taskId": id, "status": status, "ttlMs": None, "pollIntervalMs": 5}


class Session:
    """What one client is to the server; `send` writes one message to it, `end` hangs up on it."""

    def __init__(self, send, end):
        self.send_text = send
        self.end = end
        self.lock = threading.Lock()
        self.waiting = {}
        self.announced = {}
        self.cancelled = []

    def send(self, message):
        with self.lock:
            self.send_text(json.dumps(message))

    def say(self, text):
        with self.lock:
            self.send_text(text)

    def result(self, id, result):
        self.send({"jsonrpc": "2.0", "id": id, "result": result})

    def later(self, seconds, what):
        timer = threading.Timer(seconds, what)
        timer.daemon = True
        timer.start()

    def take(self, message):
        id, method = message.get("id"), message.get("method")
        if method is None:
            # An answer to what we asked: `asking` wants an error, `pinging` a result.
            self.answered(message)
        elif method == "initialize":
            self.announced.update(message["params"]["capabilities"])
            self.result(id, {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "fake"}})
        elif method == "tools/list":
            self.result(id, {"tools": [described(name) for name in TOOLS]})
        elif method == "resources/list":
            # Five pages.
            page = int(message.get("params", {}).get("cursor", "0"))
            more = {"nextCursor": str(page + 1)} if page < 4 else {}
            self.result(id, {"resources": [{"uri": f"mem://{page}", "name": f"r{page}"}], **more, **COMPLETE})
        elif method == "prompts/list":
            # In a circle.
            page = int(message.get("params", {}).get("cursor", "0"))
            self.result(id, {"prompts": [{"name": f"p{page}"}], "nextCursor": str((page + 1) % 3 + 1), **COMPLETE})
        elif method == "notifications/cancelled":
            self.cancelled.append(message["params"]["requestId"])
        elif method in ("tasks/get", "tasks/update", "tasks/cancel"):
            self.task(id, method, message["params"])
        elif method == "tools/call":
            self.call(id, message["params"]["name"], message["params"].get("arguments", {}), message["params"])
        elif id is not None:
            self.send({"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "no such method"}})

    def task(self, id, method, params):
        task = TASKS[params["taskId"]]
        told = lambda status, **more: self.result(id, {**COMPLETE, **state(params["taskId"], status), **more})
        if method == "tasks/update":
            task["given"] = params["inputResponses"]
        if method != "tasks/get":
            return self.result(id, COMPLETE)
        task["polls"] -= 1
        if task.get("asks") and "given" not in task:
            told("input_required", inputRequests={"it": {"method": ASKED[task["asks"]], "params": {}}})
        elif task["polls"] > 0:
            told("working")
        elif task.get("ends") == "failed":
            told("failed", error={"code": -32603, "message": "no fuel"})
        elif task.get("ends") == "cancelled":
            told("cancelled", statusMessage="too dear")
        else:
            told("completed", result=content(task))

    def answered(self, message):
        waiting = self.waiting.pop(message.get("id"), None)
        if waiting:
            waiting(message)

    def call(self, id, tool, arguments, params):
        good = content(arguments)
        answer = lambda: self.result(id, good)
        if tool == "shuffled":
            self.later(random.uniform(0, 0.02), answer)
        elif tool == "twice":
            answer()
            answer()
        elif tool == "late":
            self.later(0.3, answer)
        elif tool == "swapped":
            SWAP.offer(good, lambda other: self.result(id, other))
        elif tool == "never":
            pass
        elif tool == "chatty":
            sys.stderr.write("x" * 4000 + "\n")
            sys.stderr.flush()
            self.say("listening with " + os.environ.get("FAKE_KEY", "nothing"))
            self.send({"jsonrpc": "2.0", "method": "notifications/message", "params": {}})
            answer()
        elif tool == "stranger":
            self.result(id + 1000, good)
            answer()
        elif tool in ("pinging", "asking"):
            own = f"{tool}-{id}"
            wanted = "result" if tool == "pinging" else "error"
            self.waiting[own] = lambda message: answer() if wanted in message else None
            self.send({"jsonrpc": "2.0", "id": own, "method": "ping" if tool == "pinging" else "roots/list"})
        elif tool == "asks":
            # What it is answered is its result.
            own = f"asks-{id}"
            said = lambda message: json.dumps(message.get("result", message.get("error")))
            self.waiting[own] = lambda message: self.result(id, {"content": [{"type": "text", "text": said(message)}]})
            self.send({"jsonrpc": "2.0", "id": own, "method": ASKED[arguments["for"]], "params": {}})
        elif tool == "steps":
            # Told how far it is, if anybody asked for that.
            token = params.get("_meta", {}).get("progressToken")
            for number in range(arguments["steps"]):
                time.sleep(arguments["ms"] / 1000)
                if token is not None:
                    told = {"progressToken": token, "progress": number + 1}
                    self.send({"jsonrpc": "2.0", "method": "notifications/progress", "params": told})
            answer()
        elif tool == "slow":
            self.later(arguments["ms"] / 1000, answer)
        elif tool == "cancelled":
            # The news of it may still be on its way.
            for _ in range(300):
                if self.cancelled:
                    break
                time.sleep(0.01)
            self.result(id, {**good, "isError": not self.cancelled})
        elif tool == "announced":
            self.result(id, {"content": [{"type": "text", "text": json.dumps(self.announced)}]})
        elif tool == "floods":
            for number in range(arguments["times"]):
                self.send({"jsonrpc": "2.0", "id": f"flood-{id}-{number}", "method": "roots/list"})
            answer()
        elif tool == "needs":
            # Modern: so often it asks for more before it gives what it was handed over the last time.
            done = int(params.get("requestState", "0"))
            if done and arguments["for"] not in params.get("inputResponses", {}):
                self.send({"jsonrpc": "2.0", "id": id, "error": {"code": -32602, "message": "nothing was handed over"}})
            elif done < arguments["times"]:
                wanted = {arguments["for"]: {"method": ASKED[arguments["for"]], "params": {}}}
                more = {"resultType": "input_required", "inputRequests": wanted, "requestState": str(done + 1)}
                self.result(id, more)
            else:
                text = json.dumps([arguments, params.get("inputResponses")])
                self.result(id, {"resultType": "complete", "content": [{"type": "text", "text": text}]})
        elif tool == "works":
            TASKS[f"task-{id}"] = {**arguments}
            self.result(id, {"resultType": "task", **state(f"task-{id}", "working")})
        elif tool == "text_id":
            self.result(str(id), good)
        elif tool == "die":
            sys.stderr.write("fatal: no fuel for " + os.environ.get("FAKE_KEY", "nothing") + "\n")
            sys.stderr.flush()
            self.end()
        else:
            answer()


def stdio(arguments):
    if "--stubborn" in arguments:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])

    def send(text):
        sys.stdout.write(text + "\n")
        sys.stdout.flush()

    session = Session(send, lambda: os._exit(3))
    for line in sys.stdin:
        session.take(json.loads(line))
    if "--stubborn" in arguments:
        time.sleep(600)


def sse(arguments):
    sessions = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):
            name = f"session-{random.getrandbits(64):x}"
            ended = threading.Event()

            def event(kind, data):
                self.wfile.write(f"event: {kind}\r\ndata: {data}\r\n\r\n".encode())
                self.wfile.flush()

            def say(text):
                # On a stream a line of rubbish is an event that is no message.
                event("message", text)

            sessions[name] = Session(say, ended.set)
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            origin = "http://127.0.0.1:9" if "elsewhere" in arguments else ""
            event("endpoint", f"{origin}/messages?session={name}")
            ended.wait()
            del sessions[name]
            self.close_connection = True

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            session = sessions.get(self.path.partition("session=")[2])
            status, text = (404, b"not here") if session is None else (200, b"thanks")
            if not self.path.startswith("/messages"):
                status, text = (400, b"") if "quiet" in arguments else (405, text)
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
            if session is not None:
                session.take(json.loads(body))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 100

    server = Server(("127.0.0.1", 0), Handler)
    print(f"ready http://127.0.0.1:{server.server_address[1]}/sse", flush=True)
    server.serve_forever()


class Stream(Session):
    """The answer to one post. What is asked on it is answered by other posts."""

    def __init__(self, send, waiting, announced, cancelled):
        super().__init__(send, lambda: None)
        self.waiting = waiting
        self.announced = announced
        self.cancelled = cancelled
        self.over = threading.Event()

    def send(self, message):
        super().send(message)
        if "method" not in message:
            self.over.set()


def http(_):
    shared = {}, {}, []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def plain(self, status, text):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_GET(self):
            self.plain(405, b"")

        def do_POST(self):
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if "method" not in message or "id" not in message:
                Stream(None, *shared).take(message)
                return self.plain(202, b"")

            def chunk(bytes):
                self.wfile.write(f"{len(bytes):x}\r\n".encode() + bytes + b"\r\n")
                self.wfile.flush()

            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            stream = Stream(lambda text: chunk(f"data: {text}\n\n".encode()), *shared)
            try:
                chunk(b"id: 0\ndata:\n\n")
                stream.take(message)
                stream.over.wait(10)
                chunk(b"")
            except OSError:
                self.close_connection = True

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 100

    server = Server(("127.0.0.1", 0), Handler)
    print(f"ready http://127.0.0.1:{server.server_address[1]}/mcp", flush=True)
    server.serve_forever()


def swap(arguments):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def reply(self, status, kind="application/json", text=b"", session=None):
            self.send_response(status)
            if session:
                self.send_header("Mcp-Session-Id", session)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_DELETE(self):
            self.reply(200)

        def do_POST(self):
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            method, params = message.get("method"), message.get("params", {})
            if "id" not in message:
                return self.reply(202)
            if method == "initialize":
                session = f"session-{random.getrandbits(64):x}"
                result = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "fake"}}
                return self.answer(message["id"], result, session)
            if method == "tools/list":
                return self.answer(message["id"], {"tools": [described(name) for name in TOOLS]})
            if method != "tools/call":
                return self.reply(400, text=b"no such method")
            if params["name"] in ("typed", "mistyped"):
                structured = {"text": "hi" if params["name"] == "typed" else [7]}
                return self.answer(message["id"], {**content({}), "structuredContent": structured})
            own, given, there = (message["id"], content(params.get("arguments"))), [], threading.Event()
            if params["name"] not in ("swapped", "crossed"):
                return self.answer(*own)
            SWAP.offer(own, lambda other: (given.append(other), there.set()))
            there.wait()
            id, result = given[0]
            self.answer(id if params["name"] == "crossed" else own[0], result)

        def answer(self, id, result, session=None):
            text = json.dumps({"jsonrpc": "2.0", "id": id, "result": result})
            if "events" in arguments:
                return self.reply(200, "text/event-stream", f"data: {text}\n\n".encode(), session)
            self.reply(200, text=text.encode(), session=session)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 100

    server = Server(("127.0.0.1", 0), Handler)
    print(f"ready http://127.0.0.1:{server.server_address[1]}/mcp", flush=True)
    server.serve_forever()


{"stdio": stdio, "sse": sse, "http": http, "swap": swap}[sys.argv[1]](sys.argv[2:])
