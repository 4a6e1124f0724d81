"""That nothing is cut off, covered, pale or jumping: at four sizes of window, and at every lesson's extremes."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

import shapelab as sl
from app.dashboard import FIELDS, Dashboard

pytestmark = pytest.mark.page

SIZES = {"desk": (1440, 900), "projector": (1920, 1080), "small": (1024, 768), "phone": (390, 844)}
DEFAULTS = {
    lesson.title: {field: getattr(lesson.Config(), field) for field in FIELDS[lesson.title]}
    for lesson in sl.LESSONS.values()
}
LOWEST = {
    "Conv1D": {"L": 1, "C": 1, "kernel_size": 1, "stride": 1, "features": 1, "seed": 0},
    "Conv2D": {"H": 1, "W": 1, "C": 1, "kernel_h": 1, "kernel_w": 1, "stride": 1, "features": 1, "seed": 0},
    "ResNet block": {"H": 1, "W": 1, "C": 1, "features": 1, "stride": 1, "seed": 0},
    "U-Net": {"depth": 1, "H": 4, "W": 4, "C": 1, "base_features": 1, "seed": 0},
}
HIGHEST = {
    "Conv1D": {"L": 64, "C": 16, "kernel_size": 16, "stride": 1, "features": 16, "seed": 99},
    "Conv2D": {"H": 64, "W": 64, "C": 16, "kernel_h": 11, "kernel_w": 11, "stride": 1, "features": 16, "seed": 99},
    "ResNet block": {"H": 64, "W": 64, "C": 32, "features": 32, "stride": 1, "seed": 99},
    "U-Net": {"H": 128, "W": 128, "C": 16, "base_features": 32, "depth": 4, "seed": 99},
}
LOPSIDED = {
    "Conv1D": {"L": 2, "C": 16, "kernel_size": 16, "stride": 8, "features": 1, "seed": 99},
    "Conv2D": {"H": 1, "W": 64, "C": 2, "kernel_h": 11, "kernel_w": 1, "stride": 8, "features": 2, "seed": 3},
    "ResNet block": {"H": 64, "W": 1, "C": 32, "features": 32, "stride": 1, "seed": 3},
    "U-Net": {"depth": 2, "H": 128, "W": 4, "C": 1, "base_features": 32, "seed": 3},
}
IMPOSSIBLE = {
    "U-Net": {"depth": 2, "H": 30, "W": 126, "C": 3, "base_features": 8, "seed": 0},
    "ResNet block": {"H": 16, "W": 16, "C": 8, "features": 8, "stride": 3, "seed": 0},
}
STATES = [
    *((lesson, name) for lesson in FIELDS for name in ("default", "lowest", "highest", "lopsided")),
    ("U-Net", "impossible"),
    ("ResNet block", "impossible"),
]
SETTINGS: dict[str, dict[str, dict[str, int]]] = {
    "default": DEFAULTS,
    "lowest": LOWEST,
    "highest": HIGHEST,
    "lopsided": LOPSIDED,
    "impossible": IMPOSSIBLE,
}

FIND_FAULTS = r"""
() => {
  const faults = [];
  const wide = document.documentElement.clientWidth;
  for (const root of [document.documentElement, document.body]) {
    if (root.scrollWidth > wide + 1) faults.push(`the page scrolls sideways: ${root.scrollWidth} in ${wide}`);
  }

  for (const label of document.querySelectorAll(".shapelab-gallery :is(button, label, .widget-label, summary, th)")) {
    if (getComputedStyle(label).clipPath !== "none") continue; // heard, not seen
    if (label.checkVisibility() && label.clientWidth && label.scrollWidth > label.clientWidth + 1) {
      faults.push(`"${label.textContent.trim()}" is cut off: ${label.scrollWidth} in ${label.clientWidth}`);
    }
  }

  // What a place that scrolls up and down has above or below what it shows.
  const scrolledAway = (element, box) => {
    for (let up = element; up; up = up.parentElement) {
      if (getComputedStyle(up).overflowY === "visible") continue;
      const frame = up.getBoundingClientRect();
      if (up.contains(document.body)) break;
      if (box.top > frame.bottom - 2 || box.bottom < frame.top + 2) return true;
    }
    return false;
  };

  // Every piece of text with its place on the screen; rows of text of one element are pieces of their own.
  const pieces = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode, parent = node.parentElement, text = node.textContent.trim();
    if (!text || !parent.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (parent.matches("details:not([open])")) continue; // folded away, and laid out all the same
    if (parent.closest("script, style, select, .sl-code, .sl-source, .sl-scrolled")) continue; // they may scroll
    if (parent.closest(".noUi-tooltip, .shapelab-tip, #loading")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      if (box.width <= 0.5 || box.height <= 0.5 || scrolledAway(parent, box)) continue;
      pieces.push({ text: text.slice(0, 40), parent, box });
    }
  }
  for (const input of document.querySelectorAll(".shapelab-control input")) {
    pieces.push({ text: `number ${input.value}`, parent: input, box: input.getBoundingClientRect() });
    if (input.scrollWidth > input.clientWidth + 1) faults.push(`the number ${input.value} is cut off in its box`);
  }

  const column = (element) => element.closest(
    ".sl-left, .sl-centre, .sl-right, .sl-pitfall-list, .sl-pitfall, header, .shapelab-lessons, .sl-toolbar");
  for (const { text, parent, box } of pieces) {
    const place = column(parent);
    if (!place || place.matches(".shapelab-lessons, .sl-toolbar")) continue;
    if (parent.closest(".sl-pitfall-list .widget-radio-box")) continue; // a row that scrolls, on a phone
    const edge = place.getBoundingClientRect();
    if (box.left < edge.left - 1 || box.right > edge.right + 1) faults.push(`"${text}" leaves its column`);
    const figure = parent.closest(".shapelab-figure");
    if (figure) {
      const frame = figure.getBoundingClientRect();
      if (box.left < frame.left - 1 || box.right > frame.right + 1
          || box.top < frame.top - 1 || box.bottom > frame.bottom + 1) {
        faults.push(`"${text}" leaves its picture`);
      }
    }
    for (let up = parent; up && up !== place; up = up.parentElement) {
      if (getComputedStyle(up).overflowX === "visible") continue;
      const frame = up.getBoundingClientRect();
      if (up instanceof HTMLElement && (box.right > frame.right + 1 || box.left < frame.left - 1)) {
        faults.push(`"${text}" is cut off by ${up.className}`);
      }
    }
  }

  // The letters of a piece fill most of its box; a little of the height is air.
  const inner = ({ box }) => {
    const air = box.height * 0.16;
    return { left: box.left + 1, right: box.right - 1, top: box.top + air, bottom: box.bottom - air };
  };
  const meets = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  for (let i = 0; i < pieces.length; i++) {
    for (let j = i + 1; j < pieces.length; j++) {
      const [one, other] = [pieces[i], pieces[j]];
      if (one.parent === other.parent || column(one.parent) !== column(other.parent)) continue;
      if (meets(inner(one), inner(other))) faults.push(`"${one.text}" lies on "${other.text}"`);
    }
  }

  // A convolution's window has lines; over numbers in cells they may go.
  for (const line of document.querySelectorAll(".shapelab-pinned path[d^=M]")) {
    const figure = line.closest(".shapelab-figure"), onScreen = line.getScreenCTM(), length = line.getTotalLength();
    const words = pieces.filter(({ text, parent }) => /[a-z]/.test(text) && figure.contains(parent));
    if (!words.length || !line.checkVisibility()) continue;
    for (let at = 0; at <= length; at += 2) {
      const { x, y } = line.getPointAtLength(at).matrixTransform(onScreen);
      const dot = { left: x - 1, right: x + 1, top: y - 1, bottom: y + 1 };
      const met = words.filter((piece) => meets(inner(piece), dot));
      faults.push(...met.map(({ text }) => `a line of the window crosses "${text}"`));
    }
  }

  for (const figure of document.querySelectorAll(".shapelab-figure")) {
    if (!figure.checkVisibility()) continue;
    const frame = figure.getBoundingClientRect(), edge = column(figure).getBoundingClientRect();
    if (frame.left < edge.left - 1 || frame.right > edge.right + 1) faults.push("a picture leaves its column");
    for (const text of figure.querySelectorAll(".annotation-text")) {
      const { width } = text.ownerSVGElement.viewBox.baseVal;
      const size = parseFloat(getComputedStyle(text).fontSize) * (frame.width / width);
      if (size < 8) faults.push(`type of ${size.toFixed(1)} px in a picture: ${text.textContent}`);
    }
  }
  return [...new Set(faults)];
}
"""

FIND_PALE = r"""
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const over = (below, colour) => {  // a colour with its alpha laid over an opaque one
    canvas.fillStyle = `rgb(${below.join(",")})`;
    canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  };
  const ground = (element) => {
    const layers = [];
    for (let up = element; up; up = up.parentElement) layers.push(getComputedStyle(up).backgroundColor);
    return layers.reverse().reduce(over, [255, 255, 255]);
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const faults = new Set();
  const check = (element, colour, text, style) => {
    const below = ground(element), seen = ratio(over(below, colour), below);
    const size = parseFloat(style.fontSize), bold = Number(style.fontWeight) >= 700;
    const needed = size >= 24 || (bold && size >= 18.66) ? 3 : 4.5;
    if (seen < needed - 0.01) faults.add(`"${text}" has ${seen.toFixed(2)} where ${needed} is needed (${colour})`);
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const parent = walk.currentNode.parentElement, text = walk.currentNode.textContent.trim();
    if (!text || !parent.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    if (parent.closest("script, style, option, .shapelab-tip, #loading")) continue;
    // A number stands on its cell, whose colour it is chosen for; tests/figures holds it to that.
    if (parent.closest('[data-kind="convolution"] svg') && /^−?[\d.]+(e−?\d+)?$/.test(text)) continue;
    const style = getComputedStyle(parent);
    check(parent.closest("svg") ? parent.closest(".shapelab-figure") ?? parent : parent,
      parent.closest("svg") ? style.fill : style.color, text.slice(0, 40), style);
  }
  for (const input of document.querySelectorAll(".shapelab-control input, .sl-stages select")) {
    const style = getComputedStyle(input);
    check(input, style.color, `input ${input.value}`, style);
  }
  return [...faults];
}
"""


def bring_to(page: Dashboard, lesson: str, at: dict[str, int]) -> None:
    page.choose_lesson(lesson)
    if lesson == "Conv2D":
        page.link().uncheck()
    page.set(**at)
    first = {"Conv1D": ("L", "C")}.get(lesson, ("H", "W", "C"))
    page.until(page.input_shape, lambda shape: shape == tuple(at[field] for field in first))
    page.wait_for_pictures()


def resize(page: Dashboard, size: tuple[int, int]) -> None:
    """Change the window and wait until the pictures are of its width."""
    page.page.set_viewport_size({"width": size[0], "height": size[1]})
    narrow = size[0] <= 700
    page.page.wait_for_function(
        """narrow => [...document.querySelectorAll(".sl-centre .shapelab-figure")].filter(f => f.checkVisibility())
          .every(f => (f.querySelector(".js-plotly-plot")?.layout?.width ?? 0) > 0
            && (f.querySelector(".shapelab-light").viewBox.baseVal.width < 500) === narrow)""",
        arg=narrow,
    )
    page.wait_for_pictures()


@pytest.mark.parametrize(("lesson", "state"), STATES)
def test_nothing_is_cut_off_or_covered(shared: Dashboard, lesson: str, state: str) -> None:
    bring_to(shared, lesson, SETTINGS[state][lesson])
    faults = {}
    for name, size in SIZES.items():
        resize(shared, size)
        found = shared.until(lambda: shared.page.evaluate(FIND_FAULTS), lambda found: not found, patience=15)
        if found:
            faults[name] = found
    assert not faults, "\n".join(f"{name}: {fault}" for name, found in faults.items() for fault in found)


def test_all_text_stands_out_from_its_ground(shared: Dashboard) -> None:
    faults: dict[str, list[str]] = {}
    toggle = shared.page.locator(".shapelab-theme-toggle")

    def look(at: str) -> None:
        theme = shared.page.evaluate("document.documentElement.dataset.theme")
        shared.wait_for_pictures()
        faults[f"{theme}, {at}"] = shared.until(
            lambda: shared.page.evaluate(FIND_PALE), lambda found: not found, patience=2
        )

    for _ in ("one theme", "the other"):
        for lesson in FIELDS:
            bring_to(shared, lesson, DEFAULTS[lesson])
            look(lesson)
        shared.type("H", 30)
        expect(shared.page.get_by_role("alert")).to_be_visible()
        shared.page.locator(".sl-failure summary").click()
        look("a size that cannot be")
        shared.type("W", 9999)
        expect(shared.notice()).to_be_visible()
        look("a number refused")
        shared.set(W=48)
        toggle.click()
    assert {at.split(",")[0] for at in faults} == {"light", "dark"}
    assert not any(faults.values()), "\n".join(f"{at}: {fault}" for at, found in faults.items() for fault in found)


POSITIONS = """() => Object.fromEntries(
  [".sl-answer", ".sl-rules", ".sl-present .shapelab-figure", ".sl-said", ".shapelab-controls", ".sl-code", ".sl-table"]
    .map(css => [css, [...document.querySelectorAll(css)].find(e => e.checkVisibility()).getBoundingClientRect()])
    .map(([css, box]) => [css, [Math.round(box.left), Math.round(box.top + scrollY)]])
)"""
MOVES = {
    "Conv1D": [{"L": 64, "C": 16}, {"L": 1}, {"L": 9, "kernel_size": 15, "features": 16}],
    "Conv2D": [{"H": 64}, {"H": 1, "W": 64, "stride": 8}, {"H": 9, "C": 16, "kernel_h": 11}],
    "ResNet block": [{"H": 64}, {"W": 1}, {"C": 32, "features": 32}],
    "U-Net": [{"H": 128}, {"W": 4}, {"C": 16, "base_features": 32}],
}


@pytest.mark.parametrize(
    ("lesson", "size"),
    [
        *((lesson, size) for lesson in ("Conv1D", "Conv2D") for size in SIZES),
        *((lesson, size) for lesson in ("ResNet block", "U-Net") for size in ("desk", "phone")),
    ],
)
def test_the_page_stays_where_it_is_when_a_value_changes(shared: Dashboard, lesson: str, size: str) -> None:
    bring_to(shared, lesson, DEFAULTS[lesson])
    resize(shared, SIZES[size])
    before = shared.page.evaluate(POSITIONS)
    at = dict(DEFAULTS[lesson])
    jumps = []
    for move in MOVES[lesson]:
        at |= move
        bring_to(shared, lesson, at)
        after = shared.until(
            lambda: shared.page.evaluate(POSITIONS), lambda after: not any(moved(before, after)), patience=15
        )
        jumps += [f"{move} moved {css} from {before[css]} to {after[css]}" for css in moved(before, after)]
    assert not jumps, "\n".join(jumps)


def moved(before: dict[str, list[int]], after: dict[str, list[int]]) -> list[str]:
    """What stands elsewhere, by more than the pixel that rounding may take."""
    return [css for css in before if max(abs(a - b) for a, b in zip(before[css], after[css], strict=True)) > 1]


PLACES = """() => [...document.querySelectorAll([
  ".sl-present .shapelab-figure", ".shapelab-player", ".sl-options", ".sl-said", ".sl-arithmetic", ".sl-below",
  ".sl-centre > .shapelab-figure", ".sl-right .sl-heading", ".sl-right summary", ".sl-right .shapelab-figure",
].join(", "))].filter((element) => element.checkVisibility()).map((element) => {
  const box = element.getBoundingClientRect();
  const words = element.matches("summary, .sl-heading") ? ` ${element.textContent.trim()}` : "";
  return [element.className + words, Math.round(box.left), Math.round(box.top + scrollY)];
})"""


@pytest.mark.parametrize("lesson", FIELDS)
def test_nothing_stirs_when_a_size_changes_by_one_stop(shared: Dashboard, lesson: str) -> None:
    resize(shared, SIZES["desk"])
    bring_to(shared, lesson, DEFAULTS[lesson])
    settled(shared)
    before = shared.page.evaluate(PLACES)
    field = FIELDS[lesson][0]
    bring_to(shared, lesson, DEFAULTS[lesson] | {field: DEFAULTS[lesson][field] + (4 if lesson == "U-Net" else 1)})
    settled(shared)
    after = shared.until(lambda: shared.page.evaluate(PLACES), lambda after: after == before, patience=8)
    stirred = [f"{old} became {new}" for old, new in zip(before, after, strict=False) if old != new]
    assert not stirred, "\n".join(stirred)
    assert len(after) == len(before)


def settled(page: Dashboard) -> None:
    """The values have come too."""
    expect(page.page.locator(".shapelab-dimmed")).to_have_count(0)
    page.wait_for_values() if page.figure().get_attribute("data-kind") == "convolution" else page.wait_for_maps()


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_cut_off_or_covered_beside_a_pinned_setting_nor_among_the_mistakes(
    shared: Dashboard, size: str
) -> None:
    bring_to(shared, "Conv2D", DEFAULTS["Conv2D"])
    shared.tool("Compare").click()
    expect(shared.page.locator(".sl-pinned .shapelab-figure .main-svg").first).to_be_visible()
    shared.page.set_viewport_size({"width": SIZES[size][0], "height": SIZES[size][1]})
    shared.set(H=12)
    compared = shared.until(lambda: shared.page.evaluate(FIND_FAULTS), lambda found: not found, patience=8)
    shared.tool("Compare").click()
    expect(shared.page.locator(".sl-pinned")).to_be_hidden()
    shared.choose_tab("Pitfalls")
    expect(shared.page.locator(".sl-pitfall-ran")).to_contain_text("Run with jax")
    mistakes = shared.until(lambda: shared.page.evaluate(FIND_FAULTS), lambda found: not found, patience=8)
    shared.choose_lesson("Conv2D")
    assert not compared + mistakes, "\n".join(compared + mistakes)


@pytest.mark.parametrize("size", SIZES)
def test_every_tab_can_be_seen_and_taken(shared: Dashboard, size: str) -> None:
    resize(shared, SIZES[size])
    toggle = shared.page.locator(".shapelab-theme-toggle")
    for lesson in (*FIELDS, "Conv1D"):
        shared.lesson(lesson).scroll_into_view_if_needed()
        seen = shared.lesson(lesson).evaluate(
            """tab => {
              const box = tab.getBoundingClientRect(), bar = tab.closest(".shapelab-lessons").getBoundingClientRect();
              const corners = [[box.left + 4, box.top + box.height / 2], [box.right - 4, box.top + box.height / 2]];
              return box.top >= bar.top - 1 && box.bottom <= bar.bottom + 1
                && corners.every(([x, y]) => tab.contains(document.elementFromPoint(x, y)));
            }"""
        )
        assert seen, f"{lesson} is cut off or covered"
        shared.choose_lesson(lesson)
    assert toggle.evaluate(
        """button => {
          const box = button.getBoundingClientRect();
          return document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2) === button;
        }"""
    ), "the theme's button is covered"


@pytest.mark.parametrize("width", [720, 800, 900, 1021])
def test_nothing_in_the_header_covers_anything(shared: Dashboard, width: int) -> None:
    resize(shared, (width, 800))
    covered = shared.page.evaluate(
        """() => [...document.querySelectorAll(".shapelab-lessons button, .sl-toolbar button")]
          .filter((button) => button.checkVisibility() && !button.closest("[data-shapelab-first]"))
          .filter((button) => {
            button.scrollIntoView({ inline: "nearest", block: "nearest" });
            const box = button.getBoundingClientRect(), y = box.top + box.height / 2;
            return ![box.left + 4, box.right - 4].every((x) => button.contains(document.elementFromPoint(x, y)));
          }).map((button) => button.textContent)"""
    )
    assert not covered


def test_on_a_phone_the_answer_and_the_picture_come_before_the_controls(shared: Dashboard) -> None:
    shared.choose_lesson("Conv2D")
    resize(shared, SIZES["phone"])
    tops = [
        box["y"]
        for css in (".sl-answer", ".sl-present .shapelab-figure", ".shapelab-controls", ".sl-code")
        if (box := shared.page.locator(css).first.bounding_box())
    ]
    assert len(tops) == 4
    assert tops == sorted(tops)
