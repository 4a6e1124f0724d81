"""Modules in many styles, each written the way its kind usually is, for the tracer to be held to."""
