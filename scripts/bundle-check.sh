#!/usr/bin/env bash
# Runs the demo of a bundle in a root folder that holds glibc, /proc and nothing else: no other library, no shell, no
# OpenCL platform. It must end with 0 and say that only the CPU was used. Needs root (chroot, mount of /proc).
#
#   scripts/bundle-check.sh [BUNDLE.tar.xz]      default: the newest in dist/
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(id -u)" -ne 0 ]; then
  echo "bundle-check needs root, for chroot and for mounting /proc: run  sudo scripts/bundle-check.sh" >&2
  exit 2
fi
archive=${1:-$(find dist -maxdepth 1 -name 'surety-*.tar.xz' -printf '%T@ %p\n' 2> /dev/null | sort -n | tail -n 1 | cut -d' ' -f2-)}
if [ -z "$archive" ] || [ ! -f "$archive" ]; then
  echo "No bundle to check: run  make bundle  first, or name the .tar.xz." >&2
  exit 2
fi

root=$(mktemp -d)
cleanup() {
  umount "$root/proc" 2> /dev/null || true
  # Never delete through a mount that did not go away.
  mountpoint -q "$root/proc" || rm -rf "$root"
}
trap cleanup EXIT

mkdir -p "$root/proc" "$root/tmp" "$root/bundle"
tar --extract --xz --file "$archive" --directory "$root/bundle" --strip-components=1

# The loader stands at the path that is written in the program; the libraries where that loader looks first.
loader=$(readelf --program-headers --wide "$root/bundle/surety" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
mkdir -p "$root$(dirname "$loader")" "$root/lib"
cp -L "$loader" "$root$loader"
for library in libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libresolv.so.2; do
  path=$(ldconfig -p | awk -v l="$library" '$1 == l && /x86-64|AArch64/ && !found { print $NF; found = 1 }')
  cp -L "$path" "$root/lib/$library"
done

if ! mount -t proc proc "$root/proc" 2> /dev/null && ! mount --bind /proc "$root/proc"; then
  echo "/proc cannot be mounted here (a container without that right?), so the bundle was not checked." >&2
  exit 2
fi

log=$(mktemp)
status=0
# No environment: neither this machine's library paths nor its OpenCL platforms may help. LD_LIBRARY_PATH names glibc's
# folder only, which the loader of another distribution may not search by itself.
timeout 300 env --ignore-environment HOME=/tmp TMPDIR=/tmp LD_LIBRARY_PATH=/lib \
  "$(command -v chroot)" "$root" /bundle/surety demo > "$log" 2>&1 || status=$?
cat "$log"
if [ "$status" -ne 0 ]; then
  echo "bundle-check: the demo ended with $status in a root that holds only glibc" >&2
  exit 1
fi
if ! grep -qiE 'no OpenCL|CPU only' "$log"; then
  echo "bundle-check: the demo does not say that no OpenCL device was there" >&2
  exit 1
fi
rm -f "$log"
echo "bundle-check: the demo of $(basename "$archive") ran in a root that holds only glibc and /proc, on the CPU only"
