#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Tests the Debian package in clean roots; tools/clean-root.sh SUITE deb runs it.
#   deb.sh build     makes it, in one root
#   deb.sh install   installs it in another, and uses it as the service and as a user
# It changes the system: never run it elsewhere.
set -eu
export DEBIAN_FRONTEND=noninteractive
[ -e /src/out ] || { echo 'this is for a clean root only' >&2; exit 1; }

ok() { printf 'ok   %s\n' "$*"; }
die() { printf 'FAIL %s\n' "$*"; exit 1; }

# get PATH: the status line and the body of a reply of the service.
get() {
	perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new("127.0.0.1:8080") or exit 1;
		print $s "GET $ARGV[0] HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
		print while <$s>' "$1"
}

# unit KEY: a value of the unit.
unit() {
	sed -n "s/^$1=//p" "$service"
}

build() {
	apt-get -q update
	apt-get -q -y --no-install-recommends install dpkg-dev
	apt-get -q -y --no-install-recommends build-dep ./
	dpkg-buildpackage -b -us -uc
	rm -f /src/out/*
	cp ../vdet_*.deb /src/out/
}

run_service() {
	service=/usr/lib/systemd/system/vdet.service
	user=$(unit User)
	[ "$(unit StateDirectory)" = vdet ] || die 'the unit has another state directory'
	mkfifo /tmp/serve.out
	# shellcheck disable=SC2046 # a command line
	setpriv --reuid="$user" --regid="$user" --init-groups -- $(unit ExecStart) >/tmp/serve.out 2>&1 &
	exec 3</tmp/serve.out
	line=
	while read -r line <&3; do
		case $line in "vdet serves on "*) break ;; esac
		echo "$line"
	done
	[ -n "$line" ] || die 'the service ended'
	for path in /healthz /readyz / /api/v1/openapi.json; do
		get "$path" | head -n 1 | grep -q ' 200 ' || { get "$path"; die "GET $path"; }
	done
	kill $!
	wait $! || :
	[ -z "$(find /var/lib/vdet -mindepth 1 ! -user "$user" ! -path '*/runtime*')" ] || die 'files of another user'
	ok "vdet serve as $user: $line"
}

use() {
	apt-get -q update
	apt-get -q -y --no-install-recommends --download-only install /src/out/vdet_*.deb
	# Without a network: maintainer scripts that fetched something would fail.
	unshare --net apt-get -q -y --no-install-recommends install /src/out/vdet_*.deb
	ok 'installed without a network'
	[ "$(stat -c '%U %a' /var/lib/vdet)" = 'vdet 711' ] || die "$(ls -ld /var/lib/vdet)"
	vdet help >/dev/null
	[ -e /usr/share/man/man1/vdet.1.gz ] || die 'no manual page'

	for unit in vdet vdet-worker vdet-nats; do
		[ -e "/usr/lib/systemd/system/$unit.service" ] || die "no $unit.service"
		[ ! -e "/etc/systemd/system/multi-user.target.wants/$unit.service" ] || die "$unit.service is enabled"
	done

	useradd --create-home somebody
	cd /home/somebody
	if runuser -u somebody -- vdet demo >/tmp/demo.log 2>&1; then
		die 'vdet demo works without an engine'
	fi
	grep -q '/usr/share/vdet/setup engine --system' /tmp/demo.log || { cat /tmp/demo.log; die 'the command is not named'; }
	ok 'without an engine the command is named that brings one'
	/usr/share/vdet/setup engine --system
	runuser -u somebody -- vdet demo >/tmp/demo.log 2>&1 || { cat /tmp/demo.log; die 'vdet demo'; }
	ok "vdet demo: $(tail -n 1 /tmp/demo.log)"
	run_service
	apt-get -q -y purge vdet >/dev/null
	ok 'removed'
}

case ${1-} in
build) build ;;
install) use ;;
*) die 'usage: deb.sh build|install' ;;
esac
