#!/usr/bin/env bash
# As root: `tools/image/build.sh VERSION PROFILE...` builds build/image/out/chevet_VERSION.* in the Debian 13 of tools-tree.sh.
# The root, its hashes and the signed kernel image are written beside the disk: they are what an update moves.
# Keys: build/image/keys, made here where there are none. They are throw-away ones; docs/operate.md says how a release is signed.
set -euo pipefail
cd -P "$(dirname "$0")/../.."
. tools/lib.sh
. tools/image/sources.sh

version=$1
shift
out=build/image/out
python=3.13 # Debian 13's

# What Chevet adds: its locked packages for the image's Python, its own wheel, its units and rules.
tree() {
  local tree=build/image/tree
  rm -rf $tree
  mkdir -p $tree/opt/chevet/{bin,lib} $tree/etc $tree/usr $tree/var
  quietly .venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check --require-hashes --no-deps \
    --no-compile --only-binary=:all: --python-version $python --target $tree/opt/chevet/lib -r requirements.lock
  rm -rf build/image/wheel
  quietly .venv/bin/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir build/image/wheel .
  quietly .venv/bin/python -m pip install --quiet --no-deps --no-compile --target $tree/opt/chevet/lib build/image/wheel/*.whl
  rm -rf $tree/opt/chevet/lib/bin
  cat >$tree/opt/chevet/bin/chevet <<'LAUNCH'
#!/usr/bin/python3 -I
import sys
sys.path.insert(0, "/opt/chevet/lib")
from appliance.__main__ import main
sys.exit(main())
LAUNCH
  chmod +x $tree/opt/chevet/bin/chevet
  quietly .venv/bin/chevet install --root "$tree" --program /opt/chevet/bin/chevet --firewall
}

keys() {
  [ -f build/image/keys/mkosi.key ] && return
  mkdir -p build/image/keys
  (umask 077 && openssl req -new -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=Chevet throw-away test key/" \
    -keyout build/image/keys/mkosi.key -out build/image/keys/mkosi.crt 2>/dev/null)
}

# Where packages come from: this machine's own mirror, in the form that mkosi reads.
sandbox() {
  local folder=build/image/sandbox/etc/apt/sources.list.d
  rm -rf build/image/sandbox
  mkdir -p $folder
  sources trixie "main non-free-firmware" | while read -r _ site suite components; do
    printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: %s\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n' \
      "$site" "$suite" "$components"
  done >$folder/mkosi.sources
}

image() {
  rm -f "$out/chevet_$version".* "$out/chevet_${version}_"* "$out/chevet_$version"
  local profiles=()
  for profile in "$@"; do profiles+=("--profile=$profile"); done
  mkdir -p build/image/{cache,workspace,out}
  # shellcheck disable=SC2016 # for the shell inside
  quietly tools/image/inside.sh /bin/sh -c 'cd /chevet/os-image && exec mkosi "$@"' mkosi --force --image-version="$version" \
    --unified-kernel-image-format="chevet_$version" --output="chevet_$version" --output-directory=/chevet/$out \
    --package-cache-dir=/chevet/build/image/cache --workspace-directory=/chevet/build/image/workspace \
    --sandbox-tree=/chevet/build/image/sandbox --extra-tree=/chevet/build/image/tree \
    --secure-boot-key=/chevet/build/image/keys/mkosi.key --secure-boot-certificate=/chevet/build/image/keys/mkosi.crt \
    "${profiles[@]}" build
}

# The parts that an update moves, named as its transfer definitions look for them: with their partitions' identities.
name_parts() {
  local disk=$out/chevet_$version.raw part uuid
  for part in root root-verity; do
    uuid=$(tools/image/inside.sh sfdisk -d "/chevet/$disk" | sed -n "s/.*uuid=\([^,]*\),.*name=\"${part//-/_}_$version\".*/\1/p" | tr A-Z a-z)
    mv "$out/chevet_$version.root-x86-64${part#root}.raw" "$out/chevet_${version}_$uuid.$part.raw"
  done
}

[ "$(id -u)" = 0 ] || die "the image is built as root: it makes namespaces and mounts"
[ -x build/image/tools/usr/bin/mkosi ] || { say "making the tools' Debian (about a minute)" && quietly tools/image/tools-tree.sh build/image/tools; }
say "building the image $version (about four minutes)"
tree
keys
sandbox
image "$@"
name_parts
ls -l $out >&2
