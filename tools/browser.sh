#!/bin/sh
# The tests drive a real Chromium. Finds one; as root on Debian and its kin installs one; else says how to get one.
set -eu

for name in chromium chromium-browser google-chrome google-chrome-stable; do
    if command -v "$name" >/dev/null 2>&1; then
        exit 0
    fi
done

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing chromium for the browser tests …"
    if apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        chromium fonts-dejavu-core >/dev/null; then
        exit 0
    fi
    echo "shapelab: apt-get could not install chromium; its words stand above." >&2
    exit 1
fi

case "$(uname -s)" in
    Darwin) get="brew install --cask google-chrome   (then link it as google-chrome on the PATH)" ;;
    *) get="sudo apt-get install chromium   (or your system's package of Chromium or Chrome)" ;;
esac
echo "shapelab: the tests need a Chromium browser on the PATH. Get one with:  $get" >&2
exit 1
