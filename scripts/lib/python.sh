# shellcheck shell=bash
# Finding a Python and filling a virtual environment; sourced by the scripts.

# Print the path of the newest Python from 3.11 that can make virtual environments.
find_python() {
    local candidate
    for candidate in ${PYTHON:-python3.11 python3.12 python3.13 python3}; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
                command -v "$candidate"
                return
            fi
            echo "error: $candidate cannot make virtual environments;" \
                "on Debian: apt-get install python3-venv" >&2
            return 1
        fi
    done
    echo "error: no Python 3.11 or newer found; install one, or name it:" \
        "PYTHON=/path/to/python3.11 $0" >&2
    return 1
}

# prepare_environment ROOT VENV REQUIREMENTS...
# Make VENV with the pinned requirements and this project. What is there is
# used again as long as neither the requirements nor the Python have changed.
prepare_environment() {
    local root=$1 venv=$2 python stamp wanted file
    shift 2
    python=$(find_python)
    wanted=$(
        "$python" --version
        for file in "$@" "$root"/requirements/base.txt; do cat "$file"; done
    )
    stamp=$venv/installed-requirements
    local -a options=(--quiet --disable-pip-version-check)
    if [[ ! -x $venv/bin/python || ! -f $stamp || $(<"$stamp") != "$wanted" ]]; then
        echo "Installing into ${venv#"$root"/} ..." >&2
        rm -rf "$venv"
        "$python" -m venv "$venv"
        local -a requirements=()
        for file in "$@"; do requirements+=(-r "$file"); done
        "$venv/bin/python" -m pip install "${options[@]}" "${requirements[@]}"
        printf '%s' "$wanted" >"$stamp"
    fi
    "$venv/bin/python" -m pip install "${options[@]}" --no-deps --editable "$root"
}
