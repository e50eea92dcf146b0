"""Any part of the stack, by the name that it is called by: answers, notes its environment, misbehaves if told to.

It stands in for the commands in the tests of what starts them; as `migrate` it makes the groups of the services' roles
and no more. Variables that steer it: PART_NOTES (a folder: each part writes its environment there), PART_BREAKS
(`<name>:<how>`, how being `start`, `later` or `few`).
"""

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

TARGET = 100
JOB = "0190b3f4-0000-7000-8000-000000000001"


def creator(number: int) -> dict[str, Any]:
    return {
        "creator": {
            "name": f"Cook {number}",
            "followers": None if number == 3 else 1234567 + number,
            "avatarUrl": "",
            "profilePicUrl": "",
            "bio": "=HYPERLINK(1)\n[red]second[/red] line \x1b[31m" if number == 1 else "vegan",
            "emails": [f"cook{number}@example.org"] if number % 2 else [],
            "uniqueId": f"cook{number}",
            "verified": False,
        },
        "video": {
            "description": "soup",
            "url": f"https://www.tiktok.com/@cook{number}/video/1",
            "statistics": {"likes": 1, "comments": 2, "shares": None, "views": 4},
        },
        "hashtags": ["vegan"],
        "platform": "TikTok",
    }


class Part(BaseHTTPRequestHandler):
    name = ""
    how = ""
    polls = 0

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path == "/api/scraping/tiktok":
            Part.polls += 1
            self.answer(200, self.poll())
        elif path.startswith("/api/v1/jobs/"):
            self.answer(200, self.job())
        else:
            self.answer(200, {})

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        match urlsplit(self.path).path:
            case "/token":
                self.answer(200, {"token": f"token-{time.monotonic()}"})
            case "/api/v1/campaigns":
                self.answer(201 if self.headers["Authorization"].startswith("Bearer token-") else 401, {"id": "c1"})
            case _:
                self.answer(200, {"message": "started", "jobId": JOB, "qstashMessageId": "msg_1"})

    def found(self) -> int:
        return min(40 * Part.polls, TARGET) - (self.how == "few" and Part.polls > 2)

    def status(self) -> str:
        return "completed" if Part.polls > 2 and self.how != "never" else "processing"

    def poll(self) -> dict[str, Any]:
        creators = [creator(number) for number in range(self.found())]
        results = [{"id": "r1", "jobId": JOB, "createdAt": "2026-11-01T00:00:00Z", "creators": creators}]
        return {"status": self.status(), "error": None, "results": results, "processedResults": self.found()}

    def job(self) -> dict[str, Any]:
        return {
            "status": self.status(),
            "waitingOn": None,
            "stopReason": None,
            "progress": self.found(),
            "targetResults": TARGET,
            "counts": {"delivered": self.found(), "pending": 0, "reserve": 0, "itemsSeen": self.found()},
            "calls": {"total": 9, "pages": 5, "profiles": 4},
            "credits": {"spent": 9, "reserved": 0, "max": 5000},
        }

    def answer(self, status: int, body: dict[str, Any]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def die_later() -> None:
    time.sleep(1.5)
    print("the last words", flush=True)
    os._exit(7)


def make_groups(url: str) -> None:
    with psycopg.connect(url) as connection:
        for group in ("creatorscout_gateway", "creatorscout_webhook", "creatorscout_worker", "creatorscout_operator"):
            if connection.execute("select from pg_roles where rolname = %s", [group]).fetchone() is None:
                connection.execute(f"create role {group} nologin")


def main() -> None:
    name = Path(sys.argv[0]).name
    name = sys.argv[1] if name == "local" else name
    (Path(os.environ["PART_NOTES"]) / name).write_text(json.dumps({"at": time.time(), **os.environ}))
    broken, _, how = os.environ.get("PART_BREAKS", "").partition(":")
    Part.name, Part.how = name, how if broken == name else ""
    if Part.how == "start":
        sys.exit("CLERK_ISSUER is missing")
    if Part.how == "later":
        threading.Thread(target=die_later, daemon=True).start()
    if name == "migrate":
        make_groups(os.environ["DATABASE_URL"])
    else:
        port = sys.argv[sys.argv.index("--port") + 1] if "--port" in sys.argv else os.environ["PORT"]
        ThreadingHTTPServer(("127.0.0.1", int(port)), Part).serve_forever()


main()
