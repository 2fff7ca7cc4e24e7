"""A report as data, who may see which part of it, and how it is shown."""
