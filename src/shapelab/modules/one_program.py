"""Build a module and run it as one compiled program."""

import functools
import inspect
from collections.abc import Callable

import jax

Run = Callable[..., jax.Array]


def one_program(build_and_run: Run) -> Run:
    """Compile ``build_and_run(key, x, *sizes)`` as a whole, once for each shape of x and sizes.

    Called eagerly, each initial value and each operation would be a program of its own, and compiling them
    takes longer than running them by a factor of thousands. The key is an argument of the program, so another
    seed compiles nothing. XLA is asked not to optimise: these programs run for milliseconds,
    and optimising the random number generator alone takes seconds.

    Inside someone else's `jax.jit`, `jax.grad` or `jax.make_jaxpr` the function runs as it is written,
    because JAX takes compiler options only for the outermost program.
    """
    sizes = range(2, len(inspect.signature(build_and_run).parameters))
    compiled = jax.jit(
        build_and_run,
        static_argnums=tuple(sizes),
        compiler_options={"xla_backend_optimization_level": 0},
    )

    @functools.wraps(build_and_run)
    def run(key: jax.Array, x: jax.Array, *sizes: int) -> jax.Array:
        being_traced = any(isinstance(value, jax.core.Tracer) for value in (key, x))
        return (build_and_run if being_traced else compiled)(key, x, *sizes)

    return run
