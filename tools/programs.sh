# shellcheck shell=bash
# Programs of others that the tests drive. Sourced by setup.sh. Without them their tests skip, and say why.

. tools/guest.sh

FHIR_SERVER=tests/peers/medplum
NODE_FOR_FHIR='major > 22 || (major === 22 && minor >= 18)'

chromium_ready() {
  [ -x /usr/bin/chromium ] || apt_install chromium ||
    say "no Chromium: tests in a browser will be skipped. To run them: apt-get install chromium"
}

firefox_ready() {
  [ -x /usr/bin/firefox-esr ] || apt_install firefox-esr ||
    say "no Firefox: tests in it will be skipped. To run them: apt-get install firefox-esr"
}

# The tests start it themselves; Debian's package would start it for the whole machine.
turn_ready() {
  [ -x /usr/bin/turnserver ] && return
  if apt_install coturn; then
    [ ! -d /run/systemd/system ] || as_root systemctl disable --quiet --now coturn
  else
    say "no coturn: the tests of TURN will be skipped. To run them: apt-get install coturn"
  fi
}

in_fhir_server() { (cd "$FHIR_SERVER" && "$@"); }

install_fhir_server() {
  node_ready "$NODE_FOR_FHIR" && quietly in_fhir_server npm ci --ignore-scripts --no-audit --no-fund
}

fhir_server_ready() {
  local key
  key=$(content_key "$FHIR_SERVER/package-lock.json")
  is_stamped "$FHIR_SERVER/node_modules/.ready" "$key" && return
  say "installing a FHIR server of others, for the tests to talk to"
  # In a subshell: the Node it takes is not for the screens.
  if (install_fhir_server); then
    stamp "$FHIR_SERVER/node_modules/.ready" "$key"
  else
    say "no FHIR server: the tests against it will be skipped"
  fi
}

umockdev_ready() {
  command -v umockdev-wrapper >/dev/null || apt_install umockdev python3-gi gir1.2-umockdev-1.0 ||
    say "no umockdev: tests of hot-plug will be skipped. To run them: apt-get install umockdev python3-gi gir1.2-umockdev-1.0"
}

dicom_ready() {
  { [ -x /usr/bin/storescu ] && [ -x /usr/sbin/Orthanc ]; } || apt_install dcmtk orthanc ||
    say "no DCMTK or no Orthanc: tests against them will be skipped. To run them: apt-get install dcmtk orthanc"
}

nft_ready() {
  [ -x /usr/sbin/nft ] || apt_install nftables ||
    say "no nft: the packet filter is not checked. To check it: apt-get install nftables"
}

programs_ready() {
  nft_ready
  dicom_ready
  umockdev_ready
  chromium_ready
  firefox_ready
  turn_ready
  fhir_server_ready
  guest_ready
}
