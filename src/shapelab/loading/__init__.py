"""Modules of the user's own: found by file or import path, built as shapes, and given shapes for inputs."""
