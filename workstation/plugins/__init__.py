"""Built-in plugins, one a file."""
