#!/usr/bin/env bash
# Writes a portable bundle: dist/surety-VERSION-linux-ARCH/ and the same as .tar.xz, for machines with a GPU but
# without Swift, oneDNN or a package manager. Besides the program it holds every library that the program needs beyond
# glibc, each finding the others beside it (RUNPATH $ORIGIN), gpu-check.sh, and the licences of what is carried.
#
#   scripts/bundle.sh [--binary FILE]
#
# --binary takes a program that is built already, instead of building surety with the Swift runtime linked in.
# Fails when the folder exceeds 75 MB or the archive 25 MB.
set -euo pipefail
cd "$(dirname "$0")/.."

folder_limit=75000000
archive_limit=25000000

binary=
while [ $# -gt 0 ]; do
  case "$1" in
    --binary) binary=$2; shift 2 ;;
    *) echo "Unknown option $1; usage: scripts/bundle.sh [--binary FILE]" >&2; exit 2 ;;
  esac
done
for tool in patchelf strip readelf ldd xz tar; do
  command -v "$tool" > /dev/null || {
    echo "'$tool' is missing: run scripts/install-dependencies.sh build bundle" >&2
    exit 2
  }
done

if [ -z "$binary" ]; then
  # A scratch folder of its own: the flag recompiles everything, and would do so at every change between the two.
  # Nothing loads symbols from the program: not to export them saves 1.4 MB.
  swift build -c release --product surety --static-swift-stdlib --scratch-path .build-static \
    -Xlinker --no-export-dynamic
  binary=.build-static/release/surety
fi
program=$(basename "$binary")
version=$("$binary" --version | head -n 1 | tr -cd '0-9A-Za-z.+-')
name="surety-${version:?the program printed no version}-linux-$(uname -m)"
folder="dist/$name"
rm -rf "$folder" "$folder.tar.xz"
mkdir -p "$folder/scripts" "$folder/licenses"

cp "$binary" "$folder/$program"
strip --strip-all "$folder/$program"

# ICU comes with any use of full Foundation, also one that no import in sight explains (text.contains("x") can be one).
if nm "$binary" 2> /dev/null | grep -c 'icudt[0-9]*_dat' > /dev/null; then
  echo "$program contains ICU, 40 MB: something uses full Foundation. Object files that do:" >&2
  find "$(dirname "$binary")/" -name '*.o' -not -path '*-tool.build/*' | while read -r object; do
    nm --undefined-only "$object" 2> /dev/null | { grep -E '[^0-9]10Foundation' || true; } | sed "s|^ *U|  $(basename "$object"):|"
  done >&2
  exit 1
fi

# What the loader resolves, the libraries of libraries included; glibc itself must come from the target machine.
mapfile -t libraries < <(ldd "$binary" | awk '$2 == "=>" { print $1 "\t" $3 }' |
  grep -vE '^(linux-vdso|ld-linux|libc\.so|libm\.so|libdl\.so|libpthread\.so|librt\.so|libresolv\.so|libutil\.so)')
for entry in "${libraries[@]}"; do
  soname=${entry%%$'\t'*}
  path=${entry#*$'\t'}
  if [ ! -f "$path" ]; then
    echo "$program needs $soname, which the loader does not find ($path)." >&2
    exit 1
  fi
  case "$soname" in
    libswift* | libFoundation* | lib_Foundation* | libicu*)
      echo "$program needs $soname: build it with --static-swift-stdlib and without full Foundation." >&2
      exit 1
      ;;
  esac
  cp -L "$path" "$folder/$soname"
  chmod 644 "$folder/$soname"
  # With merged /usr a package may list its file below /lib or below /usr/lib.
  real=$(readlink -f "$path")
  package=$(dpkg-query -S "$real" "${real#/usr}" "/usr$real" 2> /dev/null | sed -n '1s/:.*//p' || true)
  if [ -n "$package" ] && [ -f "/usr/share/doc/$package/copyright" ]; then
    cp -L "/usr/share/doc/$package/copyright" "$folder/licenses/$package"
  fi
done
# RUNPATH of the program does not reach the libraries of its libraries: each needs its own.
for file in "$folder/$program" "$folder"/*.so*; do
  patchelf --set-rpath '$ORIGIN' "$file"
done

cp LICENSE "$folder/licenses/surety"
cp scripts/gpu-check.sh "$folder/"
cp scripts/torch_bench.py scripts/make_resnet50.py "$folder/scripts/"

# The oldest glibc that can load all of this.
glibc=$(readelf --version-info --wide "$folder/$program" "$folder"/*.so* | grep -oE 'GLIBC_2\.[0-9]+' | sort -uV | tail -n 1)
cat > "$folder/README.txt" << TEXT
Surety $version for Linux on $(uname -m). Needs ${glibc/_/ } or later; for a GPU, the vendor's OpenCL driver.

  ./surety demo         a built-in example, on the CPU and on the first OpenCL device
  ./surety devices      what was found
  ./gpu-check.sh        finds the driver, then tests, measures and certifies on the GPU; one results.json
                        and one logs.tar.gz come out (./gpu-check.sh --help)

Everything but glibc and the OpenCL driver is in this folder; it can be moved anywhere. licenses/ has the
licences of Surety and of the libraries beside it.
TEXT

# Every library must be found in the folder or be part of glibc.
stray=$(ldd "$folder/$program" "$folder"/*.so* | awk '/=>/ { print $3 }' | sort -u |
  grep -vE "^($PWD/$folder/|.*/(linux-vdso|ld-linux|libc\.so|libm\.so|libdl\.so|libpthread\.so|librt\.so|libresolv\.so|libutil\.so))" || true)
if [ -n "$stray" ]; then
  echo "These libraries would come from the target machine: $stray" >&2
  exit 1
fi

# The same input gives the same archive: fixed order, owner and times.
tar --create --directory dist --sort=name --owner=0 --group=0 --numeric-owner --mtime='2026-01-01 00:00Z' "$name" |
  xz -9e --threads=2 > "$folder.tar.xz"

folder_size=$(find "$folder" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')
archive_size=$(stat -c %s "$folder.tar.xz")
find "$folder" -maxdepth 1 -type f -printf '%s %f\n' | sort -rn |
  awk '{ printf "%8.2f MB  %s\n", $1 / 1e6, $2 }'
awk -v f="$folder_size" -v a="$archive_size" -v n="$folder" -v g="$glibc" 'BEGIN {
  printf "%s: %.1f MB (limit 75); %s.tar.xz: %.1f MB (limit 25); needs %s\n", n, f / 1e6, n, a / 1e6, g }'
if [ "$folder_size" -gt "$folder_limit" ] || [ "$archive_size" -gt "$archive_limit" ]; then
  echo "The bundle is too large." >&2
  exit 1
fi
