#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs this checkout, as committed, in a clean Debian made by debootstrap.
#
#   tools/clean-root.sh SUITE                 ./vdet demo, then ./check --fast
#   tools/clean-root.sh SUITE COMMAND [ARG…]  this command instead, in the clone; sh or bash to look around
#   tools/clean-root.sh SUITE deb             makes the Debian package in one root, and uses it in another; it stays in
#                                             the cache, in SUITE.out
#
# SUITE is bookworm, trixie or another suite that debootstrap knows. It must run as root. Packages come from the mirror
# that apt on this machine uses, or from VDET_MIRROR. The base system and fetched packages are kept in
# ${XDG_CACHE_HOME:-~/.cache}/vdet-roots; each run unpacks a new root there and removes it at its end. Everything runs
# in a mount and a process namespace of its own, so that neither mounts nor processes are left behind.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cache=${XDG_CACHE_HOME:-${HOME:?}/.cache}/vdet-roots

say() { printf 'clean-root: %s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# ---- inside the namespaces

# enter ROOT COMMAND…: mounts what a running system has, and runs the command in the clone.
enter() {
	root=$1
	shift
	mount --make-rprivate /
	mount -t proc proc "$root/proc"
	mount --rbind -o ro /sys "$root/sys"
	mount --rbind /dev "$root/dev"
	mount -t tmpfs tmpfs "$root/dev/shm"
	mount --bind "$cache/$suite.packages" "$root/var/cache/apt/archives"
	mkdir "$root/src/out"
	mount --bind "$cache/$suite.out" "$root/src/out"
	if [ -d "$here/../shared" ]; then
		mkdir "$root/src/shared"
		mount --bind "$here/../shared" "$root/src/shared"
		mount -o remount,bind,ro "$root/src/shared"
	fi
	[ ! -s "$root$certificates" ] || set -- "NODE_EXTRA_CA_CERTS=$certificates" "$@"
	set -- HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM="${TERM:-dumb}" "$@"
	exec chroot "$root" sh -c 'cd /src/vdet && exec env -i "$@"' sh "$@"
}

# ---- outside

# Certificates that the administrator of this machine added.
certificates=/usr/local/share/ca-certificates/host.crt

# host_network ROOT: name resolution, proxies and certificates as on this machine. Debian's installer writes the hosts.
host_network() {
	printf '127.0.0.1 localhost\n::1 localhost ip6-localhost\n' >"$1/etc/hosts"
	cp -L /etc/resolv.conf "$1/etc/resolv.conf"
	apt-config dump 2>/dev/null | grep -E '^Acquire::(https?::.*|Check-Valid-Until|Check-Date) ' |
		grep -v '""' >"$1/etc/apt/apt.conf.d/90host" || :
	mkdir -p "$1${certificates%/*}"
	cat "${certificates%/*}"/*.crt >"$1$certificates" 2>/dev/null || rm -f "$1$certificates"
}

make_base() {
	mirror=${VDET_MIRROR:-$("$here/tools/setup" mirror)}
	[ -n "$mirror" ] || die 'found no Debian archive among the sources of apt; name one in VDET_MIRROR'
	say "making the base system of $suite from $mirror"
	if ! debootstrap --variant=minbase "$suite" "$work/root" "$mirror" >"$work/log" 2>&1; then
		tail -n 40 "$work/log" >&2
		die "debootstrap failed for $suite"
	fi
	rm -f "$work/root"/var/cache/apt/archives/*.deb
	tar -C "$work/root" -cf "$work/base.tar" .
	mv "$work/base.tar" "$cache/$suite.tar"
	rm -rf --one-file-system "$work/root"
}

if [ "${1-}" = --inside ]; then
	suite=$2
	shift 2
	enter "$@"
fi

[ $# -ge 1 ] || die 'usage: tools/clean-root.sh SUITE [COMMAND [ARG…]]'
suite=$1
shift
case $suite in *[!a-z0-9-]* | '' | -*) die "invalid suite: $suite" ;; esac
[ "$(id -u)" = 0 ] || die 'it must run as root'
for p in debootstrap unshare git flock; do
	command -v "$p" >/dev/null || die "$p is missing; install the packages debootstrap, util-linux and git"
done
if [ -n "$(git -C "$here" status --porcelain --untracked-files=no)" ]; then
	say 'changes that are not committed are left out'
fi

mkdir -p "$cache/$suite.packages" "$cache/$suite.out"
exec 9>"$cache/$suite.lock"
flock -n 9 || { say "another run has $suite; waiting for it"; flock 9; }
# Left by runs that were killed: we hold the lock, so nobody uses them.
rm -rf --one-file-system "$cache/$suite".run.*
work=$(mktemp -d "$cache/$suite.run.XXXXXX")
chmod 755 "$work"
trap 'rm -rf --one-file-system "$work"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

[ -e "$cache/$suite.tar" ] || make_base

# run COMMAND…: in a new root.
run() {
	mkdir "$work/root"
	tar -C "$work/root" -xf "$cache/$suite.tar"
	host_network "$work/root"
	echo force-unsafe-io >"$work/root/etc/dpkg/dpkg.cfg.d/unsafe" # it lives for minutes only
	mkdir "$work/root/src"
	git clone -q --no-hardlinks "$here" "$work/root/src/vdet"
	say "running in a clean $suite: $*"
	unshare --mount --pid --fork --kill-child "$0" --inside "$suite" "$work/root" "$@" 9>&-
	rm -rf --one-file-system "$work/root"
}

case ${1-} in
'') run sh -c './vdet demo && ./check --fast' ;;
deb)
	run test/build/deb.sh build
	run test/build/deb.sh install
	;;
*) run "$@" ;;
esac
