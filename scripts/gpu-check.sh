#!/usr/bin/env bash
# Tests, measures and certifies on the GPU of the machine it runs on, in under nine minutes. It travels in the bundle
# and needs bash and coreutils; python3 with PyTorch is used where it is there.
#
#   ./gpu-check.sh [--models DIR] [--images DIR] [--preprocess NAME] [--property MODEL SPEC]... [--only PART]... [--out DIR]
#
# Parts, in order, each with its own time limit, so that one that hangs does not cost the others; when the nine minutes
# are over, the rest is left out:
#   devices    what was found, after the self-test of every kernel variant and tile         240 s
#   bench      samples/s of noise, forward pass and votes on the GPU, in float32, float16 and bfloat16, with every
#              kernel variant that passed, at batches of 256, 64 and 1024, on every .onnx of --models (default: a
#              ResNet-50 with random weights, written here)                                  240 s
#   torch      the same work as bench in PyTorch, compiled, then eager                       120 s
#   selftest   the agreement of reference, CPU and OpenCL on every primitive                 90 s
#   certify    20 images of --images end to end on the GPU in float32, then surety check;
#              without --models and --images: the built-in demo                            100 s
#   bounds     bound passes/s of verification, CPU and GPU, with and without error terms, on random
#              networks and on every --property; each --property is then verified on both    100 s
#   cpu        bench on the CPU, for comparison                                               40 s
#
# Into --out (default: gpu-check-DATE in the current folder) go results.json, with the JSON lines of every part, its
# exit code and seconds, and logs.tar.gz, with everything that was printed, the run folder of certify, the compiled
# kernels, and for every layer the seconds that each tile took (cache/surety/tiles).
# Ends with 0 when every part that ran ended with 0, 1 when one did not, 2 when nothing could be run.
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
models='' images='' preprocess='' out=''
only=() properties=()
while [ $# -gt 0 ]; do
  case "$1" in
    --models | --images | --preprocess | --only | --out)
      [ $# -ge 2 ] || { echo "$1 needs a value; see $0 --help" >&2; exit 2; } ;;
    --property)
      [ $# -ge 3 ] || { echo "$1 needs a model and a property; see $0 --help" >&2; exit 2; } ;;
  esac
  case "$1" in
    --models) models=$2; shift 2 ;;
    --images) images=$2; shift 2 ;;
    --preprocess) preprocess=$2; shift 2 ;;
    --property) properties+=("$2" "$3"); shift 3 ;;
    --only) only+=("$2"); shift 2 ;;
    --out) out=$2; shift 2 ;;
    -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) echo "Unknown option $1; see $0 --help" >&2; exit 2 ;;
  esac
done
for part in "${only[@]}"; do
  case "$part" in
    devices | selftest | bench | bounds | certify | torch | cpu) ;;
    *) echo "There is no part '$part': devices, bench, torch, selftest, certify, bounds or cpu." >&2; exit 2 ;;
  esac
done
for folder in "$models" "$images"; do
  [ -z "$folder" ] || [ -d "$folder" ] || { echo "There is no folder '$folder'." >&2; exit 2; }
done

# In the bundle the program and the Python files lie beside this script; in the repository, in their places there.
surety=${SURETY:-}
for candidate in "$here/surety" "$here/../.build/release/surety"; do
  [ -z "$surety" ] && [ -x "$candidate" ] && surety=$candidate
done
[ -x "$surety" ] || { echo "The program surety is not beside $0; set SURETY to its path." >&2; exit 2; }
surety=$(cd "$(dirname "$surety")" && pwd)/$(basename "$surety")
tools=$here
[ -d "$here/scripts" ] && tools=$here/scripts

out=${out:-gpu-check-$(date -u +%Y%m%d-%H%M%S)}
mkdir -p "$out" || exit 2
out=$(cd "$out" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
logs=$work/logs
mkdir -p "$logs"

say() { printf '%s\n' "$*" | tee -a "$logs/gpu-check.log" >&2; }

# --- The vendor's OpenCL library ------------------------------------------------------------------------------------
# The OpenCL loader reads .icd files, one a vendor, from a folder. Containers often get the vendor's library without
# that file. Then a folder of our own gets the .icd files that there are, and one for each library that can be loaded.

loadable() { # PATH or soname: can the dynamic loader load it, with all that it needs?
  [ -z "$(LD_PRELOAD=$1 /bin/true 2>&1)" ]
}

find_vendor_library() { # SONAME: prints the name or path under which it loads
  local soname=$1 path folder
  path=$(ldconfig -p 2> /dev/null | awk -v l="$soname" '$1 == l && !found { print $NF; found = 1 }')
  if [ -n "$path" ] && loadable "$path"; then echo "$path"; return 0; fi
  for folder in /usr/local/nvidia/lib64 /usr/local/nvidia/lib /usr/local/cuda/compat /usr/lib/x86_64-linux-gnu \
    /usr/lib64 /usr/lib/wsl/lib /opt/rocm/lib /usr/lib/x86_64-linux-gnu/intel-opencl; do
    [ -e "$folder/$soname" ] || continue
    # What it needs in turn (libcuda, the compiler) lies beside it.
    if LD_LIBRARY_PATH=$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} loadable "$folder/$soname"; then
      echo "$folder/$soname"
      return 0
    fi
    say "$folder/$soname is there but does not load: $(LD_PRELOAD=$folder/$soname /bin/true 2>&1 | head -n 1)"
  done
  return 1
}

find_opencl() {
  if [ -n "${OCL_ICD_VENDORS:-}" ]; then
    say "OpenCL: OCL_ICD_VENDORS=$OCL_ICD_VENDORS, as it was set"
    return
  fi
  local system=/etc/OpenCL/vendors own=$work/vendors soname library added='' folder
  mkdir -p "$own"
  [ -d "$system" ] && cp -L "$system"/*.icd "$own/" 2> /dev/null
  for soname in libnvidia-opencl.so.1 libamdocl64.so libigdrcl.so; do
    if cat "$own"/*.icd 2> /dev/null | grep -qF "${soname%%.so*}"; then
      continue # its own .icd file is there
    fi
    if library=$(find_vendor_library "$soname"); then
      echo "$library" > "$own/${soname%%.so*}.icd"
      added="$added $library"
      # A folder that the loader does not know is named to it, for the libraries beside this one. A folder that it
      # knows is not: LD_LIBRARY_PATH comes before the libraries of the bundle and would replace them.
      if ! loadable "$library"; then
        folder=$(dirname "$library")
        export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$folder"
      fi
    fi
  done
  if [ -n "$added" ]; then
    export OCL_ICD_VENDORS=$own OPENCL_VENDOR_PATH=$own
    say "OpenCL: no .icd file names$added; using it through OCL_ICD_VENDORS"
  elif [ -n "$(ls "$own" 2> /dev/null)" ]; then
    say "OpenCL: the platforms of $system"
  else
    say "OpenCL: no .icd file and no vendor's library was found; only the CPU will be used"
  fi
}

# --- Parts ----------------------------------------------------------------------------------------------------------

parts_json=
failed=0

quoted() { # a JSON string
  local text=$1
  text=${text//\\/\\\\}
  text=${text//\"/\\\"}
  text=$(printf '%s' "$text" | tr -d '\000-\037')
  printf '"%s"' "$text"
}

json_lines() { # FILE: its JSON lines as the elements of an array
  [ -f "$1" ] && grep -aE '^[[:space:]]*\{.*\}[[:space:]]*$' "$1" | paste -sd , -
}

# limited SECONDS COMMAND...: at most that long and at most until the part's end; stdout to the part's .out, stderr to
# its .err. Ends with the command's status, 124 when time ran out.
limited() {
  local seconds=$1 left=$((part_end - SECONDS))
  shift
  [ "$left" -lt "$seconds" ] && seconds=$left
  if [ "$seconds" -lt 1 ]; then
    say "  no time left for: $*"
    return 124
  fi
  printf '$ %s\n' "$*" >> "$logs/$part.err"
  timeout --kill-after=5 "$seconds" "$@" >> "$logs/$part.out" 2>> "$logs/$part.err"
  local status=$?
  [ "$status" -eq 0 ] || say "  ended with $status: $*"
  return "$status"
}

run_part() { # NAME SECONDS
  part=$1
  if [ "${#only[@]}" -gt 0 ] && [[ " ${only[*]} " != *" $part "* ]]; then return; fi
  local start=$SECONDS status=0
  if [ "$start" -ge "$total" ]; then
    say "$part left out: the $total s are over"
    return
  fi
  part_end=$((SECONDS + $2))
  [ "$part_end" -gt "$total" ] && part_end=$total
  say "$part (at most $2 s)"
  : > "$logs/$part.out"
  : > "$logs/$part.err"
  "part_$part" || status=$?
  local elapsed=$((SECONDS - start))
  if [ "$status" -eq 0 ]; then
    say "  passed in $elapsed s"
  elif [ "$status" -eq 77 ]; then
    say "  skipped: $(tail -n 1 "$logs/$part.err")"
  else
    say "  FAILED with $status after $elapsed s: $(tail -n 1 "$logs/$part.err")"
    failed=1
  fi
  parts_json="$parts_json${parts_json:+,}
  $(quoted "$part"): {\"exit\": $status, \"seconds\": $elapsed, \"skipped\": $([ "$status" -eq 77 ] && echo true || echo false), \"lines\": [$(json_lines "$logs/$part.out")]}"
}

part_devices() {
  # Says of every tile whether it was admitted, and why not; what it finds is what every later command uses.
  limited 220 "$surety" self-test-device 0 --json
  limited 30 "$surety" devices --json
}

part_selftest() { limited 90 "$surety" devices --self-test --json; }

chosen_models() { # the .onnx files to work on, one a line; writes a ResNet-50 where none is given
  if [ -n "$models" ]; then
    find "$models" -maxdepth 1 -name '*.onnx' | sort
  elif [ -f "$work/resnet50.onnx" ] ||
    python3 "$tools/make_resnet50.py" "$work/resnet50.onnx" 2>> "$logs/$part.err"; then
    echo "$work/resnet50.onnx"
  fi
}

# The first batch has the three precisions by their best kernels at once, so that a short run has what matters most.
part_bench() {
  local status=0 found=0 model batch
  while read -r model; do
    found=1
    for batch in 256 64 1024; do
      bench "$model" "$batch" best float32,float16,bfloat16 || status=$?
      bench "$model" "$batch" tensor,tiled float16,bfloat16 || status=$?
      bench "$model" "$batch" tiled float32 || status=$?
    done
  done < <(chosen_models)
  if [ "$found" -eq 0 ]; then
    echo "no model: give --models DIR, or install python3 with numpy for a random ResNet-50" >> "$logs/$part.err"
    return 77
  fi
  return "$status"
}

bench() { # MODEL BATCH KERNELS PRECISIONS
  limited 120 "$surety" bench smooth --model "$1" --device opencl:0 --batch "$2" --kernels "$3" --precision "$4" \
    --seconds 1.5 --json < /dev/null
}

part_cpu() {
  local model
  model=$(chosen_models | head -n 1)
  [ -n "$model" ] || return 77
  limited 40 "$surety" bench smooth --model "$model" --device cpu --precision float32,bfloat16 --json
}

part_bounds() {
  local status=0 index device
  limited 50 "$surety" bench bounds --device cpu,opencl:0 --seconds 2 --json || status=$?
  for ((index = 0; index < ${#properties[@]}; index += 2)); do
    limited 40 "$surety" bench bounds "${properties[index]}" "${properties[index + 1]}" --device cpu,opencl:0 \
      --seconds 2 --json || status=$?
    for device in cpu opencl:0; do
      limited 25 "$surety" verify "${properties[index]}" "${properties[index + 1]}" --device "$device" --timeout 20 \
        --json
      # 1: a witness, 3: no answer in time; both are results.
      case $? in 0 | 1 | 3) ;; *) status=1 ;; esac
    done
  done
  return "$status"
}

preset_for() { # MODEL: the preset its name suggests
  [ -n "$preprocess" ] && { echo "$preprocess"; return; }
  case "$(basename "$1")" in
    *efficientnet*lite*) echo efficientnet-lite ;;
    *mnist* | *demo*) echo unit ;;
    *) echo imagenet ;;
  esac
}

part_certify() {
  if [ -z "$models" ] || [ -z "$images" ]; then
    # In a folder of its own: the demo leaves its run there.
    mkdir -p "$logs/demo"
    (cd "$logs/demo" && limited 120 "$surety" demo --json)
    return
  fi
  local model run=$logs/run labels=()
  model=$(find "$models" -maxdepth 1 -name '*.onnx' | sort | head -n 1)
  if [ -z "$model" ]; then
    echo "no .onnx file in $models" >> "$logs/$part.err"
    return 77
  fi
  for file in "$images/labels.csv" "$images/../labels.csv"; do
    if [ -f "$file" ]; then labels=(--labels "$file"); break; fi
  done
  limited 100 "$surety" smooth certify --model "$model" --data "$images" "${labels[@]}" \
    --preprocess "$(preset_for "$model")" --sigma 0.25 --n 10000 --limit 20 --device opencl --precision float32 \
    --out "$run" --json && limited 60 "$surety" check "$run" --samples 100 --device opencl --json
}

part_torch() {
  if ! python3 -c 'import torch' 2> /dev/null; then
    echo "PyTorch is not installed for python3" >> "$logs/$part.err"
    return 77
  fi
  if ! python3 -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' 2> /dev/null; then
    echo "PyTorch sees no GPU" >> "$logs/$part.err"
    return 77
  fi
  # Compiled first: it is what Surety is to be compared with. A configuration is printed as soon as it is measured.
  limited 90 python3 "$tools/torch_bench.py" --device cuda --mode compiled --precision float16,bfloat16,float32,tf32 \
    --batch 256 --seconds 3
  local compiled=$?
  limited 40 python3 "$tools/torch_bench.py" --device cuda --mode eager --precision float16,bfloat16,float32,tf32 \
    --batch 256,64,1024 --seconds 1 || return $?
  return "$compiled"
}

# --- The run --------------------------------------------------------------------------------------------------------

find_opencl
# What the program keeps goes into the logs: admitted tiles, measured layers with the seconds of every tile, and the
# compiled programs, which on NVIDIA are PTX.
export XDG_CACHE_HOME=$logs/cache
export POCL_CACHE_DIR=$work/pocl-cache
mkdir -p "$POCL_CACHE_DIR"
started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
total=530
run_part devices 240
run_part bench 240
run_part torch 120
run_part selftest 90
run_part certify 100
run_part bounds 100
run_part cpu 40

gpu=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2> /dev/null | head -n 1)
vendors=$(cat "${OCL_ICD_VENDORS:-/etc/OpenCL/vendors}"/*.icd 2> /dev/null | paste -sd ' ' -)
vendors=${vendors:-${OCL_ICD_VENDORS:-}}
cpu=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo 2> /dev/null | head -n 1)
cat > "$out/results.json" << JSON
{"started": $(quoted "$started"), "seconds": $SECONDS,
 "version": $(quoted "$("$surety" --version 2> /dev/null | head -n 1)"),
 "gpu": $(quoted "$gpu"), "cpu": $(quoted "$cpu"), "cores": $(nproc), "kernel": $(quoted "$(uname -r)"),
 "openclVendors": $(quoted "$vendors"),
 "parts": {$parts_json}}
JSON
if command -v python3 > /dev/null && ! python3 -m json.tool "$out/results.json" > /dev/null 2> "$logs/json.err"; then
  say "results.json is not valid JSON: $(tail -n 1 "$logs/json.err")"
  failed=1
fi
tar --create --gzip --file "$out/logs.tar.gz" --directory "$work" logs
say "$SECONDS s; $out/results.json and $out/logs.tar.gz"
exit "$failed"
