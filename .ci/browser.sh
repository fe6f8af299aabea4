#!/bin/sh
# The browser, ffmpeg and Chinese fonts that the browser tests need, from Debian, when this machine may install them.
set -e
command -v chromium >/dev/null && command -v ffmpeg >/dev/null && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  echo "browser: installing chromium, ffmpeg and fonts-noto-cjk from Debian ..."
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium ffmpeg fonts-noto-cjk >/dev/null && exit 0
fi
echo "browser: no chromium or ffmpeg, and this user may not install them: the browser tests will skip." \
     "Next step: sudo apt-get install chromium ffmpeg fonts-noto-cjk"
