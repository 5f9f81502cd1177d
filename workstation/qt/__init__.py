"""The desktop window. The only package that imports PySide6; everything it shows comes from the core."""
