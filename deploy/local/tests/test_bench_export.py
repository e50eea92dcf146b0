"""What the measuring of exports counts and sees is so."""

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from zipfile import ZipFile

import psycopg
import pytest

from local.bench.export.command import count_rows
from local.bench.export.crowd import CAMPAIGN_ID, make_crowd
from local.bench.export.watch import Watch, cpu_s, rss_bytes

SLOW_S = 0.3


@pytest.fixture
def slow_url() -> Iterator[str]:
    """A server that thinks about its third question."""
    count = 0

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            nonlocal count
            count += 1
            if count == 3:
                threading.Event().wait(SLOW_S)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_rows_are_counted_whatever_the_form(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"{}\n{}\n")
    (tmp_path / "a.csv").write_bytes(b'"name"\r\n"one\nline"\r\n"b"\r\n')
    with ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", '<row r="1"></row><row r="2"></row><row r="3"></row>')
    assert [count_rows(tmp_path / f"a.{form}") for form in ("jsonl", "csv", "xlsx")] == [2, 2, 2]


def test_a_pause_and_a_peak_are_seen(slow_url: str) -> None:
    with Watch(os.getpid(), slow_url) as watch:
        ballast = b"x" * 50_000_000
        threading.Event().wait(3 * SLOW_S)
        del ballast
    assert watch.pause_max_s >= SLOW_S
    assert watch.rss_peak - watch.rss_before > 40_000_000
    assert rss_bytes(os.getpid()) > 0
    assert cpu_s(os.getpid()) > 0


@pytest.mark.server
def test_a_crowd_is_of_one_campaign_and_some_are_found_twice(database_url: str) -> None:
    crowd = make_crowd(database_url, owner="user:u", creators=100, jobs=4)
    assert crowd.campaign_id == CAMPAIGN_ID
    assert 1500 <= crowd.document_bytes <= 2048
    with psycopg.connect(database_url) as connection:
        row = connection.execute("select count(*), count(distinct platform_id), count(distinct job_id) from candidates")
        rows, people, jobs = row.fetchone() or (0, 0, 0)
    assert (people, jobs) == (100, 4)
    assert rows > people
