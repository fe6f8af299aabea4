#!/bin/sh
# The browser, ffmpeg, nginx and Chinese fonts that the browser tests need, from Debian, when this machine may install them.
set -e
PATH="$PATH:/usr/sbin"
command -v chromium >/dev/null && command -v ffmpeg >/dev/null && command -v nginx >/dev/null && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  echo "browser: installing chromium, ffmpeg, nginx and fonts-noto-cjk from Debian ..."
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    chromium ffmpeg nginx-light openssl fonts-noto-cjk >/dev/null && exit 0
fi
echo "browser: no chromium, ffmpeg or nginx, and this user may not install them: the browser tests will skip." \
     "Next step: sudo apt-get install chromium ffmpeg nginx-light openssl fonts-noto-cjk"
