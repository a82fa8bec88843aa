#!/usr/bin/env bash
# As root: `tools/image/inside.sh COMMAND...` runs in the Debian 13 of tools-tree.sh, with this project at /chevet.
# In a mount namespace of its own: nothing stays mounted, whatever happens.
set -euo pipefail
cd -P "$(dirname "$0")/../.."
# shellcheck disable=SC2016 # for the shell inside
exec unshare -m --propagation private bash -euc '
  tools=$PWD/build/image/tools
  mount --bind "$tools" "$tools"
  mount --rbind /dev "$tools/dev" && mount -t proc proc "$tools/proc" && mount --rbind /sys "$tools/sys"
  mount -t tmpfs tmpfs "$tools/run" && mount -t tmpfs tmpfs "$tools/tmp"
  mkdir -p "$tools/chevet" && mount --bind "$PWD" "$tools/chevet"
  for file in resolv.conf hosts; do [ ! -e "/etc/$file" ] || cp -L "/etc/$file" "$tools/etc/$file"; done
  exec chroot "$tools" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/ TERM=dumb LANG=C.UTF-8 "$@"' inside "$@"
