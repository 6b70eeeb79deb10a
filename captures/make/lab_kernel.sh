#!/bin/sh
# Build the laboratory's kernel: User Mode Linux with virtual time, netem, VLAN, SCTP and nftables. About ten minutes on two cores.
#
#   lab_kernel.sh OUTPUT [SOURCE.tar.xz]
#
# JOBS: how many compilers at a time. Default source: that of Debian's package (apt-get install linux-source-6.12 flex bison bc make gcc libc6-dev xz-utils).
# One line of the source is changed: the timer frequency, to 1000 Hz, for which User Mode Linux has no option.
set -e
output=$(realpath "${1:?usage: lab_kernel.sh OUTPUT [SOURCE.tar.xz]}")
source=$(realpath "${2:-/usr/src/linux-source-6.12.tar.xz}")
config=$(dirname "$(realpath "$0")")/lab_kernel.config
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
tar xf "$source" -C "$work"
cd "$work"/linux*
sed -i '/^config HZ$/,/default/s/default [0-9]*/default 1000/' arch/um/Kconfig
make ARCH=um x86_64_defconfig >make.log
./scripts/kconfig/merge_config.sh -m .config "$config" >>make.log
make ARCH=um olddefconfig >>make.log
grep '=y$' "$config" | while read -r line; do grep -qx "$line" .config || echo "this kernel does not have $line" >&2; done
nice make ARCH=um -j"${JOBS:-$(nproc)}" linux >>make.log 2>&1 || { tail -20 make.log >&2; exit 1; }
strip linux
cp linux "$output"
