"""Strangers against a public server, by addresses and in the browser; what becomes of pages that lose their parts."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote, urlsplit

import psutil
import pytest
from playwright.sync_api import Browser, expect

from app.conftest import PLACES
from app.dashboard import Dashboard
from app.server import PATIENCE, Server
from app.visitor import Visitor, until, visiting

pytestmark = pytest.mark.page

SCRIPT = '"><script>window.harmed=1</script><img src=x onerror="window.harmed=1">'


@pytest.fixture
def visitor(public: Server) -> Iterator[Visitor]:
    with visiting(public) as one:
        yield one


def children(public: Server, name: str) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(public.process.pid).children(recursive=True):
        try:
            found += [child] if name in " ".join(child.cmdline()) else []
        except psutil.Error:
            continue
    return found


def ask(server: Server, method: str, path: str) -> tuple[int, str]:
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE)
    connection.request(method, path, headers={"Content-Length": "0"})
    answer = connection.getresponse()
    text = answer.read().decode(errors="replace")
    connection.close()
    return answer.status, text


@pytest.mark.parametrize(
    "path",
    [
        "/dashboard.ipynb",
        "/jupyter_config.py",
        "/voila/files/dashboard.ipynb",
        "/files/dashboard.ipynb",
        "/notebooks/dashboard.ipynb",
        "/voila/render/dashboard.ipynb",
        "/voila/tree",
        "/tree",
        "/lab",
        "/api/contents",
        "/api/contents/dashboard.ipynb",
        "/api/kernels",
        "/api/kernelspecs",
        "/api/sessions",
        "/api/terminals",
        "/api/status",
        "/api/config/x",
        "/voila/static/../dashboard.ipynb",
        "/voila/static/..%2f..%2f..%2fetc%2fpasswd",
        "/voila/static/%2e%2e/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/static/..%2f..%2fetc/passwd",
        "/shapelab/assets/0/..%2f..%2f..%2fetc%2fpasswd",
        "/shapelab/static/0/../../jupyter_config.py",
        "/voila/themes/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/voila/templates/shapelab/static/../../closing.html.j2",
        "//etc/passwd",
        "/..%00/etc/passwd",
        "/nbconvert/html/dashboard.ipynb",
        "/terminals/websocket/1",
        "/metrics/../jupyter_config.py",
    ],
)
def test_no_file_of_the_server_s_and_no_list_of_anything_is_given_out(public: Server, path: str) -> None:
    status, text = ask(public, "GET", path)
    assert status in (400, 403, 404, 405), text[:200]
    for secret in ("root:", "sl.dashboard", "get_config", "nbformat", "kernelId", str(Path.home()), "Traceback"):
        assert secret not in text


def test_a_kernel_s_number_lets_nobody_end_or_change_it_by_http(public: Server, visitor: Visitor) -> None:
    path = f"/api/kernels/{visitor.kernel}"
    for method, more in (
        ("DELETE", ""),
        ("PUT", ""),
        ("PATCH", ""),
        ("POST", ""),
        ("POST", "/interrupt"),
        ("POST", "/restart"),
    ):
        assert ask(public, method, path + more)[0] in (403, 404, 405), (method, more)
    assert ask(public, "POST", "/api/kernels")[0] in (403, 404, 405)
    assert ask(public, "POST", f"/voila/api/shutdown/{visitor.kernel}")[0] == 403, "another site's page could say so"
    assert visitor.answers()


def test_logs_and_counts_name_no_kernel_and_no_setting(public: Server) -> None:
    with visiting(public, "H=11&nobodysfield=onlymine") as one:
        assert one.answers()
        shown = public.get("/metrics")[1].decode() + public.printed()
        assert "shapelab_visitors" in shown
        for secret in (one.kernel, "onlymine", "H=11"):
            assert secret not in shown


def test_numbers_of_kernels_tell_nothing_of_one_another(public: Server) -> None:
    numbers = []
    for _ in range(3):
        with visiting(public) as one:
            numbers.append(one.kernel)
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", n) for n in numbers)
    assert len({number[:8] for number in numbers}) == 3


@pytest.mark.parametrize(
    "query", ["template=nosuch", "voila-template=../../etc", "theme=nosuch", "x" * 4000, "%00=%ff&&=="]
)
def test_a_query_that_means_nothing_is_a_page(public: Server, query: str) -> None:
    with visiting(public, query) as one:
        assert one.answers()


def test_who_finds_it_full_gets_in_when_somebody_leaves(browser: Browser, public: Server) -> None:
    here = [visiting(public) for _ in range(PLACES)]
    visitors = [each.__enter__() for each in here]
    answer, text = public.get("/?H=9")
    assert (answer.status, answer.headers["Retry-After"].isdecimal()) == (503, True)
    assert f"All {PLACES} places are taken" in text.decode()
    assert public.get("/readyz")[0].status == 503
    page = browser.new_context().new_page()
    try:
        page.goto(public.url + "?H=9&W=9")
        expect(page.get_by_role("heading")).to_have_text(f"All {PLACES} places are taken")
        assert all(visitor.answers() for visitor in visitors)
        visitors.pop().leave()
        expect(page.locator(".shapelab-output-shape")).to_have_text("(5, 5, 4)")
    finally:
        page.context.close()
        for each in here:
            each.__exit__(None, None, None)


def test_no_script_in_a_query_runs(browser: Browser, public: Server) -> None:
    bad = quote(SCRIPT)
    query = f"?theme={bad}&template={bad}&lesson={bad}&H={bad}&{bad}={bad}&compare={bad}&show={bad}&cell={bad}#{bad}"
    until_there_is_room(public)
    with Dashboard.visiting(browser, public.url + query) as page:
        page.type("H", 9)
        expect(page.page.locator(".shapelab-output-shape")).to_have_text("(5, 4, 4)")
        assert page.page.evaluate("window.harmed") is None
        assert page.page.locator("img[src='x']").count() == 0
        assert {urlsplit(r.url).netloc for r in page.requests if r.url.startswith("http")} == {
            urlsplit(public.url).netloc
        }


def test_a_page_whose_kernel_is_killed_comes_back_in_its_state(browser: Browser, public: Server) -> None:
    until_there_is_room(public)
    with Dashboard.visiting(browser, public.url + "?W=9") as page:
        page.type("H", 11)
        expect(page.page.locator(".shapelab-output-shape")).to_have_text("(6, 5, 4)")
        expect(page.page).to_have_url(re.compile("H=11"))
        before = page.page.evaluate("performance.timeOrigin")
        page.leaves()
        public.kernel_of(page.page.content()).send_signal(signal.SIGKILL)
        page.page.wait_for_function("before => performance.timeOrigin !== before", arg=before, timeout=1000 * PATIENCE)
        page.wait_until_live()
        expect(page.page.locator(".shapelab-output-shape")).to_have_text("(6, 5, 4)")
        assert (page.setting("H"), page.setting("W")) == (11, 9)
        assert all("404" in complaint for complaint in page.complaints), "more went wrong than that the kernel is gone"
        page.complaints.clear()


def test_a_killed_engine_and_a_killed_worker_are_replaced(public: Server, visitor: Visitor) -> None:
    workers = [each for each in children(public, "multiprocessing") if not each.children()]
    assert workers
    for worker in workers:
        worker.kill()
    assert visitor.answers()
    (engine,) = (each for each in children(public, "shapelab.engine") if "-m" in each.cmdline())
    engine.kill()
    psutil.wait_procs([engine], timeout=PATIENCE)
    assert visitor.answers()
    until(lambda: public.get("/readyz")[0].status == 200, "the server is never ready again")


def test_closing_the_tab_ends_its_kernel(browser: Browser, public: Server) -> None:
    until_there_is_room(public)
    with Dashboard.visiting(browser, public.url) as page:
        kernel = public.kernel_of(page.page.content())
        page.leaves()
        page.page.close(run_before_unload=True)
        until(lambda: not kernel.is_running() or kernel.status() == psutil.STATUS_ZOMBIE, "its kernel runs on", 10)


def until_there_is_room(public: Server) -> None:
    until(lambda: public.get("/readyz")[0].status == 200, "no place became free", 2 * PATIENCE)
