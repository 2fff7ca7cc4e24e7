"""Has an .OTTER_LOG beside it in the zip, which otter unpickles in its own process."""
