"""The service: its pages, its jobs, its processes."""
