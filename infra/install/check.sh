#!/bin/sh
# Says in one line what is missing or too old, and how to get it; prints nothing when all is there.
# Usage: check.sh python <program> | node | java | chromium (which root gets installed)
set -eu

fail() {
    echo "$1" >&2
    exit 1
}

check_python() {
    get="Install Python 3.10 or later (Debian, Ubuntu: apt install python3 python3-venv), or name one: make PYTHON=python3.12"
    command -v "$1" >/dev/null 2>&1 || fail "Python is missing ($1). $get"
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        fail "$("$1" --version 2>&1) is too old. $get"
    "$1" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$("$1" --version 2>&1) lacks the venv module. Install it (Debian, Ubuntu: apt install python3-venv)."
}

check_node() {
    get="Install Node 20.19 or later from https://nodejs.org/ or your system's packages."
    command -v node >/dev/null 2>&1 || fail "Node is missing. $get"
    node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
             process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' ||
        fail "Node $(node --version) is too old. $get"
    command -v npm >/dev/null 2>&1 || fail "npm is missing. $get"
}

check_java() {
    get="Install Java 17 or later (Debian, Ubuntu: apt install default-jre-headless)."
    command -v java >/dev/null 2>&1 || fail "Java is missing; DynamoDB Local needs it (tests, BACKEND=durable). $get"
    major=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
    [ "${major:-0}" -ge 17 ] || fail "Java ${major:-of unknown version} is too old. $get"
}

check_chromium() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$name" >/dev/null 2>&1 && return
    done
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "Installing Chromium for the browser tests"
        apt-get update -qq
        apt-get install -y -qq --no-install-recommends chromium >/dev/null
        return
    fi
    fail "Chromium is missing; the browser tests need it. Install it (Debian: apt install chromium)."
}

case "$1" in
    python) check_python "$2" ;;
    node) check_node ;;
    java) check_java ;;
    chromium) check_chromium ;;
    *) fail "check.sh: what is '$1'?" ;;
esac
