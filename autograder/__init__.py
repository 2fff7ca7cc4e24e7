"""deepgrade's engine: knows the manifest format, and no assignment by name."""

__version__ = "0.1.0"
