#!/bin/sh
# Tests put HAProxy before two servers. Finds it; as root on Debian and its kin installs it; else says how to get it, and
# those tests are skipped.
set -eu
PATH="$PATH:/usr/sbin:/usr/local/sbin"

if command -v haproxy >/dev/null 2>&1; then
    exit 0
fi

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing haproxy for the tests with two servers …"
    if apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        haproxy >/dev/null; then
        exit 0
    fi
    echo "shapelab: apt-get could not install haproxy; its words stand above. Tests that need it are skipped." >&2
    exit 0
fi

echo "shapelab: without HAProxy some tests are skipped. Get it with:  sudo apt-get install haproxy   (macOS: brew install haproxy)" >&2
