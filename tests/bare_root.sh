#!/usr/bin/env bash
# `make run` in a bare Debian: a debootstrap root with make, a C compiler and the Rust toolchain of this machine, and
# nothing else. As root and as an ordinary user, without sudo (who is told what to do) and with it.
#
# usage, as root, with debootstrap installed: tests/bare_root.sh [root folder, kept; default /tmp/bare]
# Takes the committed state of the clone that it stands in, or the folder that SOURCE names.
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
bare=${1:-/tmp/bare}
port=${PORT:-8791}
toolchain=$(rustc --print sysroot)
registry=${CARGO_HOME:-$HOME/.cargo}/registry

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
inside() { chroot "$bare" env -i PATH=/opt/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@"; }
# as USER COMMAND...: in that user's clone, with crates that were downloaded before.
as() {
    local home=/root user=$1
    shift
    [ "$user" = root ] || home=/home/$user
    exec chroot --userspec="$user" "$bare" env -i -C "$home/madang" PATH=/opt/rust/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        HOME="$home" CARGO_HOME=/opt/cargo CARGO_NET_OFFLINE=true PORT="$port" "$@"
}
without_postgresql() {
    inside apt-get -qq purge -y 'postgresql*' >/dev/null 2>&1
    if ls "$bare"/usr/lib/postgresql/*/bin/postgres 2>/dev/null; then fail "PostgreSQL is still there"; fi
}

# serves USER: `make run` answers, and ends well when told to.
serves() {
    local make server
    (as "$1" make run) </dev/null &
    make=$!
    until curl -fs "http://127.0.0.1:$port/healthz"; do
        kill -0 $make 2>/dev/null || fail "make run ended before it answered"
        sleep 0.2
    done
    echo
    server=$(pgrep -P $make)
    kill -TERM "$server"
    wait $make || fail "make run ended with $? after SIGTERM"
    if ls "$bare"/etc/postgresql/*/* 2>/dev/null; then fail "the package's own server was set up"; fi
}

[ "$(id -u)" = 0 ] || fail "run this as root"
[ -e "$bare/etc/debian_version" ] || debootstrap --variant=minbase bookworm "$bare"
cp /etc/resolv.conf "$bare/etc/resolv.conf"
mkdir -p "$bare/opt/rust" "$bare/opt/registry"
trap 'for at in opt/registry opt/rust dev/shm proc; do umount -l "$bare/$at" 2>/dev/null || true; done' EXIT
mount -t proc proc "$bare/proc"
mkdir -p "$bare/dev/shm" && mount -t tmpfs tmpfs "$bare/dev/shm"
mount --bind -o ro "$toolchain" "$bare/opt/rust"
mount --bind -o ro "$registry" "$bare/opt/registry"

say "make and a C compiler, which Rust needs"
inside apt-get -qq update
inside apt-get -qq install -y --no-install-recommends make gcc libc6-dev >/dev/null
inside id plain >/dev/null 2>&1 || inside useradd -m plain
rm -rf "$bare/opt/cargo" "$bare/root/madang" "$bare/home/plain/madang" "$bare/var/lib/madang" "$bare/etc/sudoers.d/plain"
mkdir "$bare/root/madang"
if [ -n "${SOURCE:-}" ]; then
    cp -r "$SOURCE/." "$bare/root/madang"
else
    git -C "$repository" archive HEAD | tar -x -C "$bare/root/madang"
fi
mkdir -p "$bare/opt/cargo"
ln -sfn /opt/registry "$bare/opt/cargo/registry"

say "root, in its own folder"
without_postgresql
serves root
[ -d "$bare/var/lib/madang/postgres" ] || fail "the data is not in /var/lib/madang"

say "an ordinary user without sudo is told what to do"
without_postgresql
inside env SUDO_FORCE_REMOVE=yes apt-get -qq purge -y sudo >/dev/null 2>&1
mv "$bare/root/madang" "$bare/home/plain/madang"
inside chown -R plain: /home/plain /opt/cargo
if (as plain make run) </dev/null >"$bare/tmp/told" 2>&1; then fail "make run did not fail"; fi
cat "$bare/tmp/told"
grep -qF 'run `apt-get install postgresql` as root' "$bare/tmp/told" || fail "no word of the command"

say "an ordinary user with sudo"
inside apt-get -qq install -y --no-install-recommends sudo >/dev/null
echo 'plain ALL=(ALL) NOPASSWD: ALL' >"$bare/etc/sudoers.d/plain"
serves plain
[ -d "$bare/home/plain/madang/data/postgres" ] || fail "the data is not in ./data"

say "all well; $bare is kept"
