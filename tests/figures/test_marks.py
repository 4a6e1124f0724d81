"""Lines and words as SVG: the same places and colours, and nothing but text from a text."""

import re
import xml.etree.ElementTree as ET

from shapelab.figures.canvas import Canvas
from shapelab.figures.marks import marks

NAMES = "{http://www.w3.org/2000/svg}"


def drawn(canvas):
    """The parsed pieces: what lies behind the data, and what lies before it."""
    pieces = marks(canvas.spec("a picture")["layout"])
    return tuple(ET.fromstring(f'<svg xmlns="http://www.w3.org/2000/svg">{piece}</svg>') for piece in pieces)


def test_shapes_keep_their_places_colours_and_layer():
    canvas = Canvas(100, 100)
    canvas.rectangle((10, 20), (30, 5.25), line="#b5487f", width=2.5)
    canvas.path("M 1.0,2.0 L 3.0,4.0", line="#2f6fb3", below=True, opacity=0.5)
    behind, before = drawn(canvas)
    (path,), (rectangle,) = behind, before
    assert (path.get("d"), path.get("stroke"), path.get("opacity")) == ("M 1.0,2.0 L 3.0,4.0", "#2f6fb3", "0.5")
    place = [float(rectangle.get(name)) for name in ("x", "y", "width", "height", "stroke-width")]
    assert place == [10, 20, 30, 5.25, 2.5]
    assert rectangle.get("stroke") == "#b5487f"


def test_a_text_stands_at_its_place_and_keeps_its_weight():
    canvas = Canvas(100, 100)
    canvas.text((50, 60), "<b>64 × 48</b> cells", size=10, anchor="right")
    _, ((text),) = drawn(canvas)
    assert "".join(text.itertext()) == "64 × 48 cells"
    assert text.find(f"{NAMES}tspan").get("font-weight") == "bold"
    assert text.get("text-anchor") == "end"
    assert float(text.get("x")) == 50
    assert 60 < float(text.get("y")) < 65  # the line of type lies below the middle of the letters


def test_the_name_of_a_layer_is_never_markup():
    canvas = Canvas(100, 100)
    name = 'x"><script>alert(1)</script><img src=x onerror=y>&amp;'
    canvas.text((50, 60), f"<b>{name}</b>")
    _, ((text),) = drawn(canvas)
    assert "".join(text.itertext()) == name
    assert [part.tag for part in text.iter()] == [f"{NAMES}text", f"{NAMES}tspan"]


def test_a_path_without_a_point_is_not_drawn():
    canvas = Canvas(100, 100)
    canvas.path("", line="#2f6fb3")
    assert not re.search("<path", "".join(marks(canvas.spec("a picture")["layout"])))
