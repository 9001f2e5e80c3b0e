#!/usr/bin/env bash
# Make the separate environment in which NeuroGym 2.3.1 is measured: .venv-neurogym.
#
# It cannot share ours: NeuroGym pins numpy 2.2, gymnasium 0.29 and matplotlib 3.10. It imports
# torch without declaring it, so torch is installed first (the version of constraints.txt).
# Needs Python 3.10-3.12:  PYTHON=python3.11 benchmarks/neurogym_env.sh
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=${PYTHON:-python3}
venv=${NEUROGYM_VENV:-.venv-neurogym}
neurogym=2.3.1

if ! "$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))'; then
    echo "NeuroGym $neurogym needs Python 3.10-3.12; $python is $("$python" -V). Set PYTHON." >&2
    exit 1
fi
if "$venv/bin/python" -c "import importlib.metadata as m; assert m.version('neurogym') == '$neurogym'" \
    2>/dev/null; then
    echo "$venv is ready"
    exit 0
fi

"$python" -m venv "$venv"
pip=("$venv/bin/python" -m pip --disable-pip-version-check install --quiet)
torch=$(sed -n 's/^\(torch==[^ ;]*\).*/\1/p' constraints.txt)
"${pip[@]}" "$torch"
"${pip[@]}" "neurogym==$neurogym" "$torch"
"$venv/bin/python" benchmarks/neurogym_peer.py --seconds 0.1
echo "$venv is ready"
