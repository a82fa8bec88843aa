#!/usr/bin/env bash
# As root: `tools/image/boot.sh FOLDER SECONDS [SECOND_DISK]` starts build/image/FOLDER/disk.raw as a machine with Secure
# Boot and a TPM of its own, both kept in that folder; what its serial port says is in FOLDER/serial.log. No KVM is needed.
set -euo pipefail
cd -P "$(dirname "$0")/../.."
# shellcheck disable=SC2016 # for the shell inside
exec tools/image/inside.sh /bin/bash -euc '
  cd "/chevet/build/image/$1"
  mkdir -p tpm /tmp/tpm
  [ -f tpm/tpm2-00.permall ] || swtpm_setup --tpm2 --tpmstate tpm --create-ek-cert --create-platform-cert --overwrite >swtpm.log 2>&1 ||
    swtpm_setup --tpm2 --tpmstate tpm --overwrite >>swtpm.log 2>&1
  [ -f vars.fd ] || cp /usr/share/OVMF/OVMF_VARS_4M.fd vars.fd
  swtpm socket --tpm2 --tpmstate "dir=$PWD/tpm" --ctrl type=unixio,path=/tmp/tpm/socket --daemon --pid file=/tmp/tpm/pid
  trap "kill \$(cat /tmp/tpm/pid 2>/dev/null) 2>/dev/null || true" EXIT
  second=()
  [ -z "${3:-}" ] || second=(-drive "if=none,id=d1,format=raw,readonly=on,file=/chevet/$3" -device virtio-blk-pci,drive=d1)
  timeout "$2" qemu-system-x86_64 -machine q35,smm=on -global driver=cfi.pflash01,property=secure,value=on \
    -accel tcg,thread=multi -cpu max -m 1536 -smp 2 -display none -nodefaults ${NO_REBOOT:+-no-reboot} -serial file:serial.log \
    -drive if=pflash,format=raw,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.secboot.fd -drive if=pflash,format=raw,file=vars.fd \
    -smbios type=1,uuid=4c4c4544-0042-4610-8038-b9c04f4b3132 -drive if=none,id=d0,format=raw,file=disk.raw \
    -device virtio-blk-pci,drive=d0 "${second[@]}" -device virtio-rng-pci \
    -chardev socket,id=tpm,path=/tmp/tpm/socket -tpmdev emulator,id=tpm0,chardev=tpm -device tpm-crb,tpmdev=tpm0' boot "$@"
