"""The error this package raises for a size, a shape or a number that cannot work."""


class ShapeError(ValueError):
    """A size, a shape or a number that does not fit.

    The message carries both numbers, the one given and the one needed, and the way out:
    ``x has 3 channels and features is 4: ... make features 3, or give x 4 channels``.
    It is a `ValueError`, so code that knows nothing of this package can still catch it.
    """


class TooLargeError(ShapeError):
    """A run whose values would not fit into the budget; its shapes are known all the same."""


class EngineAwayError(RuntimeError):
    """The engine does not answer; it may be back in a moment, and the same question can then be asked again."""
