#!/usr/bin/env bash
# Makes a fresh Debian or Ubuntu with Python 3.11 ready; the second time it only looks, and takes no time.
#
#     scripts/setup.sh EXTRA [chromium] [servers] [sandbox]
#
# EXTRA is an extra of staff/pyproject.toml: `service` to grade and serve, `dev` to work on the code, `fuzz` to fuzz it.
# Both distributions of this repository are installed, editable. What must come from the system is bubblewrap and
# libseccomp (the sandbox's walls), chromium for the tests of the pages, and as `servers` those that the tests of the
# engines start for themselves, on free ports and in temporary folders. `sandbox`: one is started, once for each kernel and user;
# where that fails, the cause and the cure are printed, and the exit status is 2.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

extra=${1:?say which extra to install: service or dev}
wants() { [[ " ${*:2} " == *" $1 "* ]]; }
wanted=("${@:2}")

stop() {
    echo "setup: $*" >&2
    exit 1
}

[ "$(uname -s)" = Linux ] || stop "grading needs Linux; on other systems \`pip install .\` gives the students' commands"

# Where AppArmor is the cause, its cure is a profile of ours: installed here if the person at the terminal says yes.
offer_the_profile() {
    local answer profile=autograder/diagnosis/deepgrade-bwrap place=/etc/apparmor.d/deepgrade-bwrap
    [[ $1 == *"AppArmor forbids"* ]] && [ -t 0 ] || return
    read -r -p "setup: install this AppArmor profile now, with sudo? [y/N] " answer
    [[ $answer == [yY]* ]] || return
    sudo install -m 644 "$profile" "$place" && sudo apparmor_parser -r "$place" &&
        .venv/bin/python -m autograder.doctor
}

# --- from the system --------------------------------------------------------------------------------------------

python=${PYTHON:-python3}
recent() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }
for candidate in "$python" python3.11 python3.12 python3.13; do
    if recent "$candidate"; then
        python=$candidate
        break
    fi
done
recent "$python" || stop "Python 3.11 or newer is needed; name one with \`make PYTHON=/path/to/python3.11 ...\`"

missing=()
command -v bwrap >/dev/null || missing+=(bubblewrap)
"$python" -c 'import ctypes; ctypes.CDLL("libseccomp.so.2")' 2>/dev/null || missing+=(libseccomp2)
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
if wants chromium "${wanted[@]}"; then
    command -v chromium >/dev/null || command -v chromium-browser >/dev/null || missing+=(chromium)
fi
if wants servers "${wanted[@]}"; then
    # Where a service manager runs, Debian's packages start one of each on its usual port: nothing of ours uses those.
    [ -x /usr/bin/redis-server ] || command -v redis-server >/dev/null || missing+=(redis-server)
    [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || missing+=(rabbitmq-server)
    compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || missing+=(postgresql)
    [ -x /usr/sbin/nginx ] || command -v nginx >/dev/null || missing+=(nginx)
    [ -x /usr/sbin/ip ] || command -v ip >/dev/null || missing+=(iproute2)
fi

system="" # the process that installs from the system, while pip does its own part
if [ ${#missing[@]} -gt 0 ]; then
    by_hand="install them yourself (\`apt-get install ${missing[*]}\` as root), then run this again"
    command -v apt-get >/dev/null || stop "missing: ${missing[*]}, and there is no apt-get here; $by_hand"
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || stop "missing: ${missing[*]}, and you are neither root nor is sudo here; $by_hand"
        as_root=(sudo)
        sudo -v # asks for a password, if it must, before pip begins
    fi
    from_the_system() {
        local log
        log=$(mktemp)
        if ! { "${as_root[@]}" apt-get -q update && DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get -qy install \
            --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
            tail -n 20 "$log" >&2
            stop "apt-get could not install ${missing[*]} (its last lines stand above); $by_hand"
        fi
        rm -f "$log"
    }
    echo "setup: installing ${missing[*]} with apt-get"
    if [[ " ${missing[*]} " == *" python3-venv "* ]]; then
        from_the_system # what comes next needs it
    else
        from_the_system &
        system=$!
    fi
fi

# --- .venv ------------------------------------------------------------------------------------------------------

# What is installed depends on these and on nothing else; an unchanged sum means there is nothing to do. Sources are
# installed editable, so that a change of code is no reason to install again.
sum=$(cat pyproject.toml staff/pyproject.toml constraints.txt scripts/setup.sh autograder/__init__.py | sha256sum | cut -d' ' -f1)
stamps=(".venv/.installed-$extra")
[ "$extra" != service ] || stamps+=(.venv/.installed-dev) # `dev` holds all that `service` does

installed() {
    local stamp
    for stamp in "${stamps[@]}"; do
        [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ] && .venv/bin/python -c '' 2>/dev/null && return
    done
    return 1
}

install() {
    recent .venv/bin/python || "$python" -m venv --clear .venv || return
    # pip compiles on one core, compileall on all of them; it fails for a package's samples of other versions of Python.
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt \
        --editable . --editable "staff[$extra]" || return
    .venv/bin/python -m compileall -q -j 0 .venv/lib >/dev/null 2>&1 || true
    echo "$sum" >".venv/.installed-$extra"
}

failed=""
if ! installed; then
    echo "setup: installing deepgrade-staff[$extra] into .venv; this takes a minute or two the first time"
    install || failed="pip could not install deepgrade-staff[$extra] (its words stand above); with the network back, run this again"
fi
[ -z "$system" ] || wait "$system" || exit 1 # it has said why
[ -z "$failed" ] || stop "$failed"

# --- does a sandbox start? --------------------------------------------------------------------------------------

if wants sandbox "${wanted[@]}"; then
    started=".venv/.sandbox-$( (id -u; uname -r; stat -L -c '%n %i %Y' "$(command -v bwrap)") | sha256sum | cut -c1-16)"
    if [ ! -e "$started" ]; then
        if ! why=$(.venv/bin/python -m autograder.doctor 2>&1); then
            echo "setup: everything is installed, but $why" >&2
            offer_the_profile "$why" || exit 2
        fi
        touch "$started"
    fi
fi
