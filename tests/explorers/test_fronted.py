"""The module comes to a page once: each widget brings a loader, and the kernel gives the rest when asked."""

import pytest

from shapelab.explorers.figure_view import FigureView
from shapelab.explorers.front import module, style
from shapelab.explorers.fronted import Fronted, digest
from shapelab.explorers.gallery import Gallery
from shapelab.explorers.lesson_text import LessonText
from shapelab.explorers.upload import Upload

KINDS = [
    pytest.param(FigureView, "default", id="picture"),
    pytest.param(lambda: Upload(lambda picture: None), "upload", id="upload"),
    pytest.param(LessonText, "lessonText", id="text"),
]
MOST = 3000  # bytes of what each widget brings


@pytest.mark.parametrize(("make", "part"), KINDS)
def test_a_widget_brings_a_small_loader_that_names_the_module_and_its_part(page, make, part):
    told = page.models[make().model_id]
    assert len(told["_esm"].encode()) < MOST
    assert len(told.get("_css", "").encode()) < MOST
    assert f'"{digest()}"' in told["_esm"]
    assert f'module["{part}"]' in told["_esm"]
    assert "DIGEST" not in told["_esm"]
    exported = "export default" if part == "default" else f"export const {part} ="
    assert module().count(exported) == 1


@pytest.mark.parametrize(("make", "part"), KINDS)
def test_a_page_without_the_address_is_given_module_and_style_once_it_asks(page, make, part):
    widget = make()
    assert page.sent == []
    page.custom(widget, {"ask": "module"})
    ((to, content, buffers),) = page.sent
    assert (to, content) == (widget.model_id, {"give": "module"})
    assert [bytes(buffer).decode() for buffer in buffers] == [module(), style()]
    assert not page.errors


@pytest.mark.parametrize("content", [None, "module", 3, [], {}, {"ask": "style"}, {"ask": ["module"]}, {"do": "harm"}])
def test_what_a_widget_does_not_understand_is_passed_over(page, content):
    for kind in KINDS:
        page.custom(kind.values[0](), content)
    assert page.sent == []
    assert not page.errors


def test_every_widget_of_a_dashboard_brings_no_more(page, engine):
    gallery = Gallery(engine=lambda: engine)
    brought = [len(state["_esm"].encode()) for state in page.models.values() if "_esm" in state]
    assert brought
    assert max(brought) < MOST
    assert sum(isinstance(widget, Fronted) for widget in page.tree(gallery)) >= 3


def test_the_module_is_one_without_names_declared_twice():
    """Files are joined: a name at the top of two of them would stop all of them."""
    words = ("function ", "async function ", "const ", "let ", "class ", "export const ", "export function ")
    lines = [line for line in module().splitlines() if line.startswith(words)]
    names = [line.split(" = ")[0].split("(")[0].split("{")[0].split()[-1] for line in lines if "const {" not in line]
    names = [name for name in names if name.isidentifier()]
    assert len(names) > 20
    assert sorted(names) == sorted(set(names))
    assert module().count("export default") == 1
