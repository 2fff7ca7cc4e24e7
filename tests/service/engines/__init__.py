"""The same service on each of its engines, with real servers, and under what breaks them."""
