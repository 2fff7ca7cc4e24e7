#!/usr/bin/env bash
# Executes the steps of deploy/container/Dockerfile in a tree of Debian, where there is no container engine.
#
#     sudo scripts/try_image.sh [TREE]
#
# RUN steps are run in the tree with chroot, COPY steps copy, and the image's user runs `deepgrade --help` and `list`.
# What it does not show: layers, the base image itself (the tree has Debian's Python 3.11 instead), volumes, networks,
# and the sandbox under a container engine's profiles. TRY_IMAGE_BIND names folders to mount in the tree, such as those
# of pip's settings; PIP_* variables are passed on.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ "$(id -u)" -eq 0 ] || { echo "try_image: run it as root: debootstrap and chroot need that" >&2; exit 2; }
command -v debootstrap >/dev/null || { echo "try_image: debootstrap is missing; install it with apt-get" >&2; exit 2; }

given=${1:-}
tree=${given:-$(mktemp -d /tmp/deepgrade-image-XXXXXX)}
file=deploy/container/Dockerfile
mounts=()
finish() {
    for mount in "${mounts[@]}"; do umount -l "$mount" || true; done
    # A folder of this machine that is still mounted in the tree must not be removed with it.
    if [ -z "$given" ] && ! grep -qF " $tree/" /proc/mounts; then rm -rf "$tree"; fi
}
trap finish EXIT
mirror=$(sed -n 's|^deb \(\[[^]]*\] \)\?\(http[^ ]*\) .*|\2|p; s|^URIs: \(http[^ ]*\).*|\1|p' /etc/apt/sources.list \
    /etc/apt/sources.list.d/* 2>/dev/null | head -n 1 || true)

echo "try_image: Debian 12 with Python 3.11 in $tree"
debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$tree" \
    "${mirror:-http://deb.debian.org/debian}" >"$tree.log" 2>&1 || { tail -n 5 "$tree.log" >&2; exit 1; }
ln -sf python3 "$tree/usr/bin/python"
mkdir -p "$tree/proc" "$tree/dev"
mount -t proc proc "$tree/proc" && mounts+=("$tree/proc")
mount --bind /dev "$tree/dev" && mounts+=("$tree/dev")
for folder in ${TRY_IMAGE_BIND:-}; do
    mkdir -p "$tree$folder"
    mount --bind "$folder" "$tree$folder" && mounts+=("$tree$folder")
done
cp /etc/resolv.conf "$tree/etc/resolv.conf"
cp -r /etc/ssl/certs/. "$tree/etc/ssl/certs/" 2>/dev/null || true

inside() { env -i PATH=/opt/deepgrade/venv/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/root EXTRAS="$extras" \
    $(env | grep '^PIP_' || true) chroot "$tree" "$@"; }
extras=$(sed -n 's/^ARG EXTRAS=//p' "$file")
folder=/
while IFS= read -r step; do
    word=${step%% *} rest=${step#* }
    case $word in
        FROM | ARG | ENV | USER | VOLUME | EXPOSE | STOPSIGNAL | ENTRYPOINT | CMD) ;; # one tree serves both stages
        WORKDIR) folder=$rest && mkdir -p "$tree$folder" ;;
        COPY)
            [[ $rest == --from=* ]] && continue # it lies in this tree already
            # shellcheck disable=SC2206
            paths=($rest)
            target=${paths[-1]}
            for path in "${paths[@]:0:${#paths[@]}-1}"; do
                if [ -d "$path" ]; then mkdir -p "$tree$folder/$target" && cp -r "$path/." "$tree$folder/$target/"; else
                    cp "$path" "$tree$folder/$target"; fi
            done ;;
        RUN) echo "try_image: RUN ${rest:0:100}" && inside sh -ec "cd $folder && $rest" ;;
        *) echo "try_image: the step $word is not known to this script" >&2 && exit 1 ;;
    esac
done < <(sed -e '/^#/d' -e '/^$/d' "$file" | sed -e ':a' -e '/\\$/N; s/\\\n *//; ta')

as_user() { env -i PATH=/opt/deepgrade/venv/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME=/srv/deepgrade DEEPGRADE_HOME=/srv/deepgrade \
    DEEPGRADE_COURSE=/opt/deepgrade/source chroot --userspec=10001:10001 "$tree" "$@"; }
as_user deepgrade --help >/dev/null
as_user deepgrade list
echo "try_image: every step was executed, and user 10001 lists the course"
