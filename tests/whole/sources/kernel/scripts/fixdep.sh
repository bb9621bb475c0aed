#!/bin/sh
# fixdep.sh DEPFILE TARGET COMMAND: prints what the next make must know of a target: its command, the files that it was
# made of, and the options that those name. Like fixdep of Linux, without include/config.
set -eu
depfile=$1 target=$2 command=$3
printf 'cmd_%s := %s\n\n' "$target" "$command"
# shellcheck disable=SC2013
set -- $(sed -e 's/^[^:]*://' -e 's/\\$//' "$depfile")
printf 'source_%s := %s\n\ndeps_%s := \\\n' "$target" "$1" "$target"
for file in "$@"; do
  case $file in */autoconf.h) ;; *) printf '  %s \\\n' "$file" ;; esac
done
cat "$@" | grep -o 'CONFIG_[A-Z0-9_]*' | sort -u | sed '1s/^/\n/; s/CONFIG/# &/'
printf '\n%s: $(deps_%s)\n\n$(deps_%s):\n' "$target" "$target" "$target"
