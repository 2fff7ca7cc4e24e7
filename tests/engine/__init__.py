"""The engine: what crosses the wire, who is at fault, what is shown to whom, and that the walls stand."""
