# shellcheck shell=bash
# Debian packages that some tests need; sourced by the scripts.

# debian_packages TESTS COMMANDS PACKAGE...
# Install the packages where one of the commands is missing, or say that the
# tests of that name will be skipped.
debian_packages() {
    local tests=$1 commands=$2 command missing=
    shift 2
    for command in $commands; do
        command -v "$command" >/dev/null 2>&1 || missing+=" $command"
    done
    [[ -n $missing ]] || return 0
    if [[ $EUID -eq 0 ]] && command -v apt-get >/dev/null 2>&1; then
        echo "Installing$missing ..." >&2
        { apt-get update -qq && apt-get install -qq -y --no-install-recommends "$@"; } >/dev/null ||
            echo "note:$missing cannot be installed; the $tests tests will be skipped" >&2
    else
        echo "note:$missing missing and installing needs root;" \
            "the $tests tests will be skipped" >&2
    fi
}
