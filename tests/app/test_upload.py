"""A picture of one's own as input, and files that are none."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from playwright.sync_api import FilePayload, expect

from app.dashboard import Dashboard

pytestmark = pytest.mark.page


def png(pixels: np.ndarray) -> bytes:
    """A PNG of (rows, columns, 3) bytes."""
    high, wide, _ = pixels.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", wide, high, 8, 2, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def halves() -> np.ndarray:
    """Red at the left, blue at the right, wider than high."""
    pixels = np.zeros((200, 300, 3), np.uint8)
    pixels[:, :150, 0] = pixels[:, 150:, 2] = 255
    return pixels


@pytest.fixture
def asked(shared: Dashboard) -> Dashboard:
    """A page whose input shall be a picture."""
    shared.choose("pattern", "random")
    shared.set(H=8, W=8, C=3)
    shared.until(lambda: shared.values("input"), lambda z: z.shape == (8, 8) and bool(np.ptp(z) > 1))
    shared.choose("pattern", "upload")
    expect(shared.page.locator(".sl-upload label")).to_be_visible()
    return shared


def give(page: Dashboard, name: str, data: bytes) -> None:
    file: FilePayload = {"name": name, "mimeType": "image/png", "buffer": data}
    page.page.locator(".sl-upload input").set_input_files(file)


def said(page: Dashboard) -> str:
    return page.text(".sl-upload [role=status]")


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("large.png", b"\x89PNG" + bytes(3 * 2**20), "large.png has 3.0 MB, up to 2 MB are read"),
        ("letter.png", b"dear reader, this is a text", "letter.png is no picture that this browser can read"),
    ],
)
def test_what_is_too_large_or_no_picture_is_refused_and_changes_nothing(
    asked: Dashboard, name: str, data: bytes, why: str
) -> None:
    before, sent = asked.values("input"), asked.settled_messages()
    give(asked, name, data)
    expect(asked.page.locator(".sl-upload [role=status]")).to_contain_text(why)
    assert asked.settled_messages() == sent, "the file went to the server"
    np.testing.assert_array_equal(asked.values("input"), before)


def test_a_picture_is_fed_to_the_module_and_shown(asked: Dashboard) -> None:
    give(asked, "halves.png", png(halves()))
    expect(asked.page.locator(".sl-upload canvas")).to_be_visible()
    assert "halves.png" in said(asked)
    expect(asked.notice()).to_have_count(0)

    def red(z: np.ndarray) -> bool:
        halves = np.ptp(z[:, :3]) < 0.01 and np.ptp(z[:, 5:]) < 0.01  # between them one runs into the other
        return z.shape == (8, 8) and bool(halves and z[0, 0] > z[0, 7] + 0.5)

    shown = asked.until(lambda: asked.values("input"), red)
    assert red(shown), shown
    asked.page.get_by_label("input channel").select_option("2")
    blue = asked.until(lambda: asked.values("input"), lambda z: z[0, 0] < z[0, 7] - 0.5)
    assert blue[0, 0] < blue[0, 7] - 0.5
    asked.page.get_by_label("input channel").select_option("0")


def test_a_picture_once_given_comes_back(asked: Dashboard) -> None:
    give(asked, "halves.png", png(halves()))
    asked.until(lambda: asked.values("input"), lambda z: z[0, 0] > z[0, 7] + 0.5)
    asked.choose("pattern", "ramp")
    asked.until(lambda: asked.values("input"), lambda z: z[0, 7] == z[0, 0] + 7)
    asked.choose("pattern", "upload")
    shown = asked.until(lambda: asked.values("input"), lambda z: z[0, 0] > z[0, 7] + 0.5)
    assert shown[0, 0] > shown[0, 7] + 0.5
    asked.choose("pattern", "random")
