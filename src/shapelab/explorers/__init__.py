"""The widgets: controls, pictures and words around one lesson. Imports no jax and no plotly."""
