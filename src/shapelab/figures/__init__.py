"""Pictures as plain Plotly specifications: ``{"data": […], "layout": {…}}``, drawn in light colours.

No plotly is imported: a kernel that shows pictures needs none. The view in the browser scales a picture to its place
and swaps the light colours for the dark ones (``theme.DARK_FOR_LIGHT``).
"""
