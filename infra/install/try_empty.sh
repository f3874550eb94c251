#!/bin/sh
# Tries the two commands for real, on a Debian that has Python, make and git and nothing else: `make
# up` until it says that it is up, then `make test-deps` and a few tests, all as an ordinary user.
# The last commit is tried. For a person: as root, with debootstrap; takes some minutes and 2.5 GB.
# This machine's settings of pip and npm and its own certificates are taken along.
# Usage: infra/install/try_empty.sh [folder] [tests...]
set -eu

tree=${1:-/tmp/empty-debian}
[ $# = 0 ] || shift
tests=${*:-tests/stack/test_backends.py tests/contract/test_races.py tests/browser/test_panel.py}
root=$(cd "$(dirname "$0")/../.." && pwd)
home=$tree/home/person
settings='^(PIP_|NPM_CONFIG_|NODE_EXTRA_CA_CERTS=|SSL_CERT_|https?_proxy=|HTTPS?_PROXY=|no_proxy=|NO_PROXY=)'

[ ! -e "$tree" ] || { echo "$tree is there already" >&2; exit 1; }
finish() {
    umount "$tree/dev/shm" "$tree/dev/pts" "$tree/proc" 2>/dev/null || true
    ! grep -q " $tree/" /proc/mounts || { echo "$tree is still mounted, and stays" >&2; exit 1; }
    rm -rf --one-file-system "$tree"
}
trap finish EXIT
trap 'exit 1' INT TERM

debootstrap --variant=minbase --include=python3,python3-venv,make,git,ca-certificates bookworm "$tree" >/dev/null
cp -rL /usr/local/share/ca-certificates "$tree/usr/local/share/"
cp /etc/resolv.conf /etc/hosts "$tree/etc/"
[ ! -e /etc/pip.conf ] || cp /etc/pip.conf "$tree/etc/"
mount -t proc proc "$tree/proc"
mkdir -p "$tree/dev/shm" "$tree/dev/pts"
mount -t tmpfs -o mode=1777 shm "$tree/dev/shm"
mount -t devpts devpts "$tree/dev/pts"
chroot "$tree" update-ca-certificates >/dev/null 2>&1
chroot "$tree" useradd -m person
mkdir "$home/.config"
for path in .config/pip .npmrc; do
    [ ! -e "$HOME/$path" ] || cp -r "$HOME/$path" "$home/$path"
done
env | grep -E "$settings" | sed "s/'/'\\\\''/g; s/=/='/; s/^/export /; s/\$/'/" >"$home/settings.sh" || true
git clone -q "$root" "$home/plumber"
cat >"$home/try.sh" <<'END'
. ~/settings.sh
cd ~/plumber
took() { echo "--- $1 after $(($(date +%s) - began)) s"; }
began=$(date +%s)
: >../up.log
make up >>../up.log 2>&1 &
while ! grep -q 'Plumber is up' ../up.log && kill -0 $! 2>/dev/null; do sleep 0.5; done
grep -v Token ../up.log
grep -q 'Plumber is up' ../up.log || exit 1
took "make up: up"
kill $! && wait $! || true
began=$(date +%s)
make test-deps && took "make test-deps: done" && CI=true .venv/bin/python -m pytest -q "$@"
END
chroot "$tree" chown -R person: /home/person
# shellcheck disable=SC2086  # several tests
chroot "$tree" su person -s /bin/sh -c 'sh ~/try.sh "$@"' sh $tests
