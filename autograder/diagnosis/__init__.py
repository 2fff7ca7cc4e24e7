"""Why no sandbox starts on this machine, and what to do: a sentence for whoever runs it.

    host          what the kernel says of itself: its version, its settings, our capabilities
    bwrap         bubblewrap's program: where it is, its version, and the known faults of that version
    causes        from what both say, and from bubblewrap's last line, to a cause and its cure

`deepgrade-bwrap` is a profile for AppArmor, which Ubuntu 23.10 and later need; docs/operations.md says where it goes.

Every command that needs a sandbox says these sentences, since the sandbox itself asks for them when it does not start.
"""
