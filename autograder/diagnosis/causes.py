"""From bubblewrap's last line, and from what the kernel says, to the cause and the cure in one sentence.

A line alone is not enough: "No permissions to creating new namespace" is said for a setting of Debian's kernels, for
AppArmor and for a container. So the settings are asked first, as far as the line allows it.
"""

from __future__ import annotations

import re
from pathlib import Path

from autograder.core.errors import SandboxUnavailable
from autograder.diagnosis.host import Host

PROFILE = Path(__file__).with_name("deepgrade-bwrap")  # an AppArmor profile
PROFILE_PLACE = "/etc/apparmor.d/deepgrade-bwrap"
# Of AppArmor's own package: it lets bubblewrap make namespaces, and takes away its children's rights in them.
STOCK_PROFILE = "bwrap-userns-restrict"
LEAST_KERNEL = (5, 8)

# What bubblewrap says, in the words of its versions 0.5 to 0.12.
TOO_OLD = re.compile(r"Unknown option")
NO_USER_NAMESPACES = re.compile(r"does not support user namespaces")
EXHAUSTED = re.compile(r"max_\*_namespaces exceeded|No space left on device")
FORBIDDEN = re.compile(r"No permissions to creat|Creating new namespace failed")
INSIDE = re.compile(
    r"cannot (make namespaces|mount|keep mounts).*(Operation not permitted|Permission denied)"
)  # the zygote's
APPARMOR = re.compile(r"setting up [ug]id map: Permission denied|Failed RTM_NEWADDR")
MOUNTS = re.compile(
    r"(make / slave|mount|pivot_root|[Rr]emount|bind mount|make symlink|newroot|oldroot).*"
    r"(Operation not permitted|Permission denied|Invalid argument)"
)
CAPABILITIES = re.compile(r"Unexpected capabilities|prctl\(PR_|set(ting)? capabilit|drop capabilit")


def check_host(host: Host) -> None:
    """Before anything is started. Raises SandboxUnavailable for a kernel that cannot have a sandbox of ours."""
    if host.version < LEAST_KERNEL:
        raise SandboxUnavailable(
            f"this machine has Linux {host.release}, and a sandbox needs Linux 5.8 or later; upgrade the kernel, or "
            "grade on another machine"
        )
    if not host.has_seccomp:
        raise SandboxUnavailable(
            "this kernel cannot filter system calls (/proc/self/status has no line Seccomp); use one that was built "
            "with CONFIG_SECCOMP_FILTER"
        )


def explain(words: str, host: Host) -> str:
    """The cause and the cure, as one sentence; "" where neither is known."""
    for look in (_too_old, _exhausted, _apparmor, _stock_profile, _sysctl, _capability, _mounts):
        if sentence := look(words, host):
            return sentence
    return ""


def install_the_profile() -> str:
    """The commands that install the profile for AppArmor."""
    return f"sudo install -m 644 {PROFILE} {PROFILE_PLACE} && sudo apparmor_parser -r {PROFILE_PLACE}"


def _too_old(words: str, host: Host) -> str:
    if not TOO_OLD.search(words):
        return ""
    return "bubblewrap is too old, since it does not know an option that deepgrade needs; install 0.5.0 or later"


def _exhausted(words: str, host: Host) -> str:
    if not EXHAUSTED.search(words):
        return ""
    if not (names := host.exhausted):
        return (
            "the kernel allows no more namespaces here (the settings user.max_*_namespaces, or containers nested more "
            "than 32 deep); raise them with sysctl"
        )
    settings = " and ".join(names)
    raised = " ".join(f"{name}=15000" for name in names)
    verb = "is" if len(names) == 1 else "are"
    return f"the kernel allows no new namespaces, since {settings} {verb} 0; run `sudo sysctl -w {raised}`"


def _apparmor(words: str, host: Host) -> str:
    refused = APPARMOR.search(words) or (host.apparmor_restricts and FORBIDDEN.search(words))
    if host.is_root or not refused:
        return ""
    return (
        "AppArmor forbids user namespaces to ordinary users on this machine "
        "(kernel.apparmor_restrict_unprivileged_userns, on Ubuntu 23.10 and later) and no profile lets bubblewrap make "
        f"them; run `{install_the_profile()}`"
    )


def _stock_profile(words: str, host: Host) -> str:
    """Bubblewrap has started, and what it started has no rights in its own namespaces."""
    if host.is_root or not host.apparmor_restricts or not INSIDE.search(words):
        return ""
    return (
        f"the AppArmor profile {STOCK_PROFILE} takes away the rights that the sandbox needs inside of its own "
        f"namespaces; run `sudo ln -s /etc/apparmor.d/{STOCK_PROFILE} /etc/apparmor.d/disable/ && sudo "
        f"apparmor_parser -R /etc/apparmor.d/{STOCK_PROFILE} && {install_the_profile()}`"
    )


def _sysctl(words: str, host: Host) -> str:
    if host.is_root or not (FORBIDDEN.search(words) or NO_USER_NAMESPACES.search(words)):
        return ""
    if host.sysctl("kernel.unprivileged_userns_clone") == 0:
        return (
            "the kernel forbids user namespaces to ordinary users, since kernel.unprivileged_userns_clone is 0; run "
            "`sudo sysctl -w kernel.unprivileged_userns_clone=1`"
        )
    if NO_USER_NAMESPACES.search(words):
        return (
            "this kernel was built without user namespaces (CONFIG_USER_NS), which an ordinary user needs; run "
            "deepgrade as root, or use another kernel"
        )
    return (
        "user namespaces are forbidden to this user, by a container's seccomp profile, by a chroot or by a security "
        "module; start the container with `--security-opt seccomp=unconfined --security-opt apparmor=unconfined`, "
        "or run deepgrade outside of it"
    )


def _capability(words: str, host: Host) -> str:
    if CAPABILITIES.search(words):
        return (
            "bubblewrap cannot set its capabilities here; remove file capabilities from it with `sudo setcap -r "
            "$(command -v bwrap)`, or start the container with `--cap-add SYS_ADMIN --cap-add SETPCAP`"
        )
    if not (host.is_root and FORBIDDEN.search(words)):
        return ""
    why = "a security profile of the container forbids them" if host.may_administer else "CAP_SYS_ADMIN is missing"
    return (
        f"root cannot make namespaces here, since {why}; start the container with `--cap-add SYS_ADMIN --security-opt "
        "seccomp=unconfined --security-opt apparmor=unconfined`, or run deepgrade outside of it"
    )


def _mounts(words: str, host: Host) -> str:
    if not MOUNTS.search(words):
        return ""
    return (
        "mounts are forbidden here, as by a container's security profile; start the container with `--cap-add "
        "SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt "
        "systempaths=unconfined`, or run deepgrade outside of it"
    )
