"""Holds the viewer's static files; `importlib.resources.files("web_viewer")` finds them."""
