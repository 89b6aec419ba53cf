#!/usr/bin/env bash
# Sets up a virtual environment with the pinned packages, and bubblewrap where it may be installed.
set -euo pipefail

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "elbograde needs Python 3.11 or newer; set PYTHON=…"; exit 2; }
[ -x "$VENV/bin/python" ] || { echo "making $VENV …"; "$PYTHON" -m venv "$VENV"; }

# torch first and by itself: on a machine without a GPU, pip config or PIP_EXTRA_INDEX_URL may name a CPU build.
torch=$(grep -E '^torch==' constraints.txt)
if ! "$VENV/bin/python" -c "import torch" 2>/dev/null; then
  echo "installing $torch …"
  "$VENV/bin/pip" install --quiet --disable-pip-version-check "$torch"
fi
echo "installing the other packages …"
"$VENV/bin/pip" install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'

if ! command -v bwrap >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing bubblewrap, the sandbox …"
    (apt-get install -y -qq bubblewrap || { apt-get update -qq && apt-get install -y -qq bubblewrap; }) >/dev/null 2>&1 ||
      echo "bubblewrap could not be installed"
  fi
  command -v bwrap >/dev/null ||
    echo "note: the best sandbox needs bubblewrap: sudo apt-get install bubblewrap (Debian, Ubuntu) or sudo dnf install bubblewrap (Fedora); make doctor tells what works without it"
fi
