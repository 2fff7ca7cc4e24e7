"""Hands in links, devices, pipes and setuid files."""

import io
import zipfile


def zipped(members):
    """A zip of (name or ZipInfo, content) pairs."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def make(good):
    """One zip for each kind of file that is none."""
    for mode in (0o120777, 0o020666, 0o060666, 0o010644, 0o140755, 0o104755, 0o102755):
        member = zipfile.ZipInfo("target.py")
        member.external_attr = mode << 16
        yield zipped([(member, b"/etc/passwd"), ("honest.py", good["honest.py"])])
