#!/usr/bin/env bash
# As root: `tools/guest/rootfs.sh FOLDER`. FOLDER/site (Python packages) becomes FOLDER/vmlinuz, initrd.gz and base.img:
# a Debian with its stock kernel, bluetoothd, udev, ALSA's and V4L2's own parts, and the agent that runs modules for us.
set -euo pipefail
here=$(cd -P "$(dirname "$0")" && pwd)
cd "$1"

PACKAGES=systemd,systemd-sysv,udev,dbus,kmod,bluez,libasound2,python3,busybox-static
MODULES="hci_vhci vhci-hcd uvcvideo snd-usb-audio ftdi_sio usbhid uinput evdev"
UNNEEDED="getty@tty1.service serial-getty@ttyS0.service systemd-timesyncd.service apt-daily.timer apt-daily-upgrade.timer
  e2scrub_all.timer e2scrub_reap.service dpkg-db-backup.timer fstrim.timer systemd-remount-fs.service"

# shellcheck disable=SC2016 # apt's own words
# Where this machine itself gets Debian from. No other source is asked.
sources() {
  apt-get indextargets 'Created-By: Packages' --format 'deb $(SITE) $(RELEASE) main' |
    awk '$3 ~ /^bookworm(-security|-updates)?$/' | sort -u
}

# shellcheck disable=SC2016 # for the shell that mmdebstrap starts
# Newest kernel of that Debian: what linux-image-amd64 stands for. Unpacked, not installed: nothing here boots by itself.
download_kernel='cd "$1/srv" && export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" &&
  apt-get download "$(apt-cache depends linux-image-amd64 | sed -n "s/.*Depends: \(linux-image-6\.1\.[^ ]*-amd64\).*/\1/p")"'

debian() {
  sources | mmdebstrap --mode=root --variant=minbase --include=$PACKAGES \
    --dpkgopt=path-exclude=/usr/share/doc/* --dpkgopt=path-exclude=/usr/share/man/* \
    --dpkgopt=path-exclude=/usr/share/locale/* --dpkgopt=force-unsafe-io \
    --customize-hook="$download_kernel" bookworm root -
}

kernel() {
  dpkg-deb -x root/srv/linux-image-*.deb unpacked
  rm root/srv/linux-image-*.deb
  release=$(basename unpacked/lib/modules/*)
  mkdir -p root/lib/modules
  (cd "unpacked/lib/modules/$release/kernel/drivers" && rm -r gpu infiniband scsi net/ethernet net/wireless)
  mv "unpacked/lib/modules/$release" root/lib/modules/
  mv "unpacked/boot/vmlinuz-$release" vmlinuz
  chroot root depmod "$release"
}

# The modules between the kernel and its disk, in the order in which they are loaded.
disk_modules() {
  local module
  for module in virtio_pci virtio_blk ext4 crc32c_generic; do
    chroot root modprobe -S "$release" --show-depends "$module" | awk '$1 == "insmod" {print $2}'
  done | awk '!seen[$0]++'
}

initrd() {
  mkdir -p initrd/{bin,proc,sys,dev,root}
  cp root/bin/busybox initrd/bin/
  cp "$here/init" initrd/init
  chmod +x initrd/init
  disk_modules >initrd/modules
  sed 's|^/||' initrd/modules | (cd root && xargs cp --parents -t ../initrd)
  (cd initrd && find . | ./bin/busybox cpio -o -H newc 2>/dev/null) | gzip -1 >initrd.gz
}

settings() {
  echo guest >root/etc/hostname
  : >root/etc/fstab
  local unit
  for unit in $UNNEEDED; do ln -sf /dev/null "root/etc/systemd/system/$unit"; done
  # shellcheck disable=SC2086 # one a line
  printf '%s\n' $MODULES >root/etc/modules-load.d/guest.conf
  mkdir -p root/opt/guest root/payload
  cp "$here/agent.py" root/opt/guest/
  cp -r site root/opt/guest/site
  chroot root python3 -m compileall -q -j 0 /opt/guest || true # a package may hold files for other Pythons
  cp "$here/agent.service" root/etc/systemd/system/guest-agent.service
  mkdir -p root/etc/systemd/system/multi-user.target.wants
  ln -sf ../guest-agent.service root/etc/systemd/system/multi-user.target.wants/
  ln -sf multi-user.target root/etc/systemd/system/default.target
  rm -rf root/var/cache/apt/* root/var/lib/apt/lists/*
}

debian
kernel
initrd
settings
rm -f base.img
truncate -s 1500M base.img
mke2fs -q -t ext4 -O ^has_journal -d root base.img
rm -rf root unpacked initrd
