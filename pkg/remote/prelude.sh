# SPDX-License-Identifier: Apache-2.0
#
# What all scripts begin with. They run as `sh -c`, take what they need to know from the first line of their standard
# input, and answer in lines: a word, and what there is to say of it.
set -eu
umask 022
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL
echo 'node 1' # so that it is known that it runs

folder=/usr/local/bin
program=$folder/solution-bootstrap
# The program that a put has replaced, until it is known that the new one answers.
previous=$folder/.solution-bootstrap.previous
service=solution-bootstrap.service

fail() { # fail REASON [TEXT]
	printf 'fail %s %s\n' "$1" "$(printf %s "${2:-}" | tr '\n' ' ')"
	exit 1
}

say() { # say LINES, of another program
	[ -z "$1" ] || printf '%s\n' "$1" | sed 's/^/said /'
}

run() { # run COMMAND, and pass on what it says
	if said=$("$@" 2>&1 </dev/null); then
		say "$said"
	else
		say "$said"
		fail command
	fi
}

need_root() {
	[ "$(id -u)" = 0 ] || fail root
}

digest() { # digest FILE
	sum=$(sha256sum "$1" 2>/dev/null) || sum=
	printf %s "${sum%% *}"
}

version() { # version PROGRAM, nothing where it is none of ours
	timeout 20 "$1" --version 2>/dev/null </dev/null | head -c 200 | sed -n '1s/^solution-bootstrap version //p'
}
