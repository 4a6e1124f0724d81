"""Inputs as words: ``224 224 3``, ``12 int32``, ``image=224 224 3``."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from shapelab.loading.sentences import ArgumentError, near

DTYPES = ("float32", "float16", "bfloat16", "int32", "int8", "uint32", "uint8", "bool", "complex64", "key")


def arrays(given: Sequence[Sequence[str]]) -> tuple[list[jax.ShapeDtypeStruct], dict[str, jax.ShapeDtypeStruct]]:
    """The abstract arrays that words stand for: those in order, and those by name.

    Each is a shape, axis by axis, and a dtype where it is not float32; a dtype alone is a scalar. ``key`` is a key of
    ``jax.random``. A name goes before the first word.

    Raises:
      ArgumentError: for a size, a dtype or a name that is none.
    """
    args: list[jax.ShapeDtypeStruct] = []
    kwargs: dict[str, jax.ShapeDtypeStruct] = {}
    for words in given:
        name, equals, first = words[0].rpartition("=")
        array = _array([word for word in (first, *words[1:]) if word], " ".join(words))
        if not equals:
            args.append(array)
        elif not name.isidentifier() or name in kwargs:
            raise ArgumentError(f"--input {words[0]}: {name!r} " + ("comes twice" if name in kwargs else "is no name"))
        else:
            kwargs[name] = array
    return args, kwargs


def _array(words: Sequence[str], written: str) -> jax.ShapeDtypeStruct:
    sizes, last = (words, None) if words and _like_a_size(words[-1]) else (words[:-1], words[-1] if words else "")
    for size in sizes:
        if not size.isdecimal():
            raise ArgumentError(f"--input {written}: {size!r} is no size. Sizes are whole numbers, as in 224 224 3")
    dtype = np.dtype("float32") if last is None else _dtype(last, written)
    return jax.ShapeDtypeStruct(tuple(map(int, sizes)), dtype)  # type: ignore[no-untyped-call]


def _like_a_size(word: str) -> bool:
    return word[:1].isdigit() or word[:1] in ("-", "+", ".")


def _dtype(word: str, written: str) -> np.dtype[np.generic]:
    if word == "key":
        key: np.dtype[np.generic] = jax.eval_shape(lambda: jax.random.key(0)).dtype
        return key
    try:
        dtype = jnp.dtype(word or "none")
        known = jnp.issubdtype(dtype, jnp.number) or dtype == jnp.bool_
    except TypeError:
        known = False
    if not known:
        raise ArgumentError(f"--input {written}: {word!r} is neither a size nor a dtype{near(word, DTYPES)}")
    if jax.dtypes.canonicalize_dtype(dtype) != dtype:
        raise ArgumentError(f"--input {written}: JAX has {dtype} switched off; JAX_ENABLE_X64=1 switches it on")
    return dtype
