# shellcheck shell=bash
# The screens: kiosk_ui/dist, built from its sources. Sourced by setup.sh.

. tools/node.sh

in_kiosk_ui() { (cd kiosk_ui && "$@"); }

ui_sources() { find kiosk_ui -type f -not -path '*/node_modules/*' -not -path 'kiosk_ui/dist/*' | LC_ALL=C sort; }

ui_ready() {
  local sources key lock_key
  mapfile -t sources < <(ui_sources)
  key=$(content_key "${sources[@]}")
  lock_key=$(content_key kiosk_ui/package-lock.json)
  [ -f kiosk_ui/dist/index.html ] && is_stamped build/ui.stamp "$key" && return
  node_ready "$NODE_FOR_SCREENS"
  if ! is_stamped kiosk_ui/node_modules/.ready "$lock_key"; then
    say "installing the locked packages of the screens"
    quietly in_kiosk_ui npm ci --ignore-scripts --no-audit --no-fund
    stamp kiosk_ui/node_modules/.ready "$lock_key"
  fi
  say "building the screens"
  rm -f build/ui.stamp
  quietly in_kiosk_ui npm run build
  stamp build/ui.stamp "$key"
}
