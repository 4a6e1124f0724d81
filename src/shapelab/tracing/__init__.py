"""Reading a module's program: every stage, window and edge out of the jaxpr that JAX is about to run."""
