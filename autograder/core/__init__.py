"""What every room of the engine may use: errors, files that are whole or absent, typed data, source text."""
