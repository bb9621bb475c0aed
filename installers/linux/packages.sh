#!/bin/sh
# Installs the Debian packages that Farmhand needs and that are not there yet. Repeating it costs a few milliseconds.
#   packages.sh run      what lends, builds and shows a tray
#   packages.sh test     the same, and what the tests drive
set -eu

run="distcc bubblewrap gcc g++ libc6-dev make fontconfig fonts-dejavu-core libglib2.0-0 libdbus-1-3 libgl1 libegl1 libxkbcommon0
 libfontconfig1 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libxkbcommon-x11-0 libwayland-cursor0 python3-dev python3-venv"
test="$run clang distcc-pump ninja-build cmake ccache xvfb xdotool xscreensaver x11-utils dbus iproute2 git curl desktop-file-utils appstream trayer
 kwin-wayland sway foot mutter openbox xfwm4 pipewire pipewire-bin python3-dbusmock debootstrap systemd-container mate-screensaver
 openssl cmake"

[ "$(dpkg --print-architecture 2>/dev/null)" != amd64 ] || test="$test user-mode-linux"  # a kernel as a program

case "${1:-}" in
  run) wanted=$run ;;
  test) wanted=$test ;;
  *) echo "usage: packages.sh run|test" >&2; exit 2 ;;
esac

missing=""
for package in $wanted; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing="$missing $package"
done
[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null; then
  echo "Farmhand needs these packages, and this machine has no apt to install them with:$missing" >&2
  exit 1
fi
sudo=""
[ "$(id -u)" -eq 0 ] || sudo="sudo"
echo "Installing system packages:$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { $sudo apt-get update -q && $sudo apt-get install -q -y --no-install-recommends $missing; } >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "Installing failed; try by hand: apt-get install$missing" >&2
  exit 1
fi
