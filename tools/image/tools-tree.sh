#!/usr/bin/env bash
# As root: `tools/image/tools-tree.sh FOLDER`. FOLDER becomes a Debian 13 with mkosi, its tools, QEMU, OVMF and swtpm: the
# image is built and booted in it, so that it does not matter what this machine's own Debian is.
set -euo pipefail
. "$(dirname "$0")/sources.sh"

PACKAGES=ca-certificates,mkosi,systemd,systemd-repart,systemd-ukify,systemd-boot-efi,systemd-boot-tools,systemd-container
PACKAGES+=,udev,dbus,mtools,dosfstools,erofs-utils,e2fsprogs,cryptsetup-bin,sbsigntool,openssl,debian-archive-keyring
PACKAGES+=,qemu-system-x86,qemu-utils,ovmf,swtpm,swtpm-tools,python3,python3-pefile,python3-cryptography,zstd,cpio,kmod
PACKAGES+=,fdisk,binutils,procps

rm -rf --one-file-system "$1"
sources trixie "main" | mmdebstrap --mode=root --variant=apt --aptopt='APT::Install-Recommends "0"' \
  --dpkgopt=path-exclude=/usr/share/doc/* --dpkgopt=path-exclude=/usr/share/man/* \
  --dpkgopt=path-exclude=/usr/share/locale/* --dpkgopt=force-unsafe-io --include=$PACKAGES trixie "$1" -
