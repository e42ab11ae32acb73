#!/bin/sh
# Whether Litho computes on a GPU what it computes on the CPU, and how fast: at most eight minutes.
#
#     benchmarks/gpu.sh                                  on a machine with a CUDA GPU
#     DEVICE=cpu benchmarks/gpu.sh                       a self-check of the script, in about a minute
#     MODEL=bundled:smollm2-135m benchmarks/gpu.sh       another model than a random one
#
# In a fresh checkout, without a network: it takes .venv if that is there, else makes an environment
# of what is installed for $PYTHON (python3) and of wheels in .whl, if there are any. One JSON object
# and a table for a page in benchmarks/results/ go to standard output and into $OUT.
set -eu
cd "$(dirname "$0")/.."
DEVICE=${DEVICE:-cuda}
OUT=${OUT:-runs/gpu}
PYTHON=${PYTHON:-python3}
NEEDED="torch transformers peft safetensors tokenizers accelerate pydantic platformdirs filelock \
huggingface_hub numpy scipy pyarrow psutil yaml gguf plotly jinja2 rich typer charset_normalizer bm25s"

lacks() {  # the modules that a Python lacks
    "$1" -c 'import sys, importlib.util as u
print(*[name for name in sys.argv[1:] if not u.find_spec(name)])' $NEEDED
}

if [ -x .venv/bin/python ]; then
    python=.venv/bin/python
else
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    # Of an interpreter in an environment of its own, the packages are not the system's.
    site=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    "$PYTHON" -m venv --without-pip "$folder/env"
    python=$folder/env/bin/python
    own=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    echo "$site" > "$own/installed.pth"
    if ls .whl/*.whl > /dev/null 2>&1; then
        for wheel in .whl/*.whl; do
            "$python" -m zipfile -e "$wheel" "$own"
        done
    fi
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
    mkdir "$own/litho-$version.dist-info"  # runs write down versions; building needs a network
    printf 'Metadata-Version: 2.1\nName: litho\nVersion: %s\n' "$version" \
        > "$own/litho-$version.dist-info/METADATA"
fi
missing=$(lacks "$python")
if [ -n "$missing" ]; then
    echo "gpu.sh: $python lacks $missing: install Litho (make install), or put their wheels into .whl" >&2
    exit 2
fi
mkdir -p "$OUT"
export PYTHONPATH="src${PYTHONPATH:+:$PYTHONPATH}" LITHO_CACHE="${LITHO_CACHE:-$OUT/cache}" HF_HUB_OFFLINE=1
timeout 470 "$python" benchmarks/gpu.py --device "$DEVICE" --out "$OUT" ${MODEL:+--model "$MODEL"}
