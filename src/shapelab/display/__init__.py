"""How a trace shows itself in a notebook: one self-contained piece of HTML, without a script and without a request.

Only the standard library and light rooms are imported, so that a pickled trace shows itself where there is no JAX.
"""

from shapelab.display.page import mimebundle, to_html

__all__ = ["mimebundle", "to_html"]
