#!/usr/bin/env bash
# Runs once, as root, while the image is built: libraries, the sandbox, and who may read what. It may be run again.
#
#   PYTHON          the Python (3.11 or newer) to make the virtual environment with; looked for where it is not given
#   TORCH_INDEX     where CPU builds of torch are, where pip's own configuration offers none
#   ELBOGRADE_VENV  an environment that has everything already: nothing is installed
#
# What is installed is pinned (elbograde/constraints.txt) and goes into a virtual environment; the system's Python, which
# the platform's own programs use, stays as it is.
set -euo pipefail
umask 022
export DEBIAN_FRONTEND=noninteractive PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

place=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
project=$place/elbograde
venv=$place/venv
torch_index=${TORCH_INDEX:-https://download.pytorch.org/whl/cpu}

stop() {
  echo "setup.sh: $*" >&2
  exit 1
}

# ------------------------------------------------------------------ Python

fits() { # a Python that is new enough and can make virtual environments
  command -v "$1" >/dev/null && "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
  for python in ${PYTHON:-} python3.13 python3.12 python3.11 python3.14 python3; do
    if fits "$python"; then
      command -v "$python"
      return
    fi
  done
  return 1
}

install() { # packages of the system
  command -v apt-get >/dev/null || return 1
  { apt-get install -y -qq --no-install-recommends "$@" ||
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends "$@"; }; } >/dev/null 2>&1
}

make_venv() {
  [ -x "$venv/bin/python" ] && return
  if ! python=$(find_python); then
    echo "installing Python 3.11 …"
    install python3.11 python3.11-venv || install python3 python3-venv || true
    python=$(find_python) ||
      stop "elbograde needs Python 3.11 or newer with its venv module, and apt offers none here: choose a newer base image"
  fi
  echo "making a virtual environment with $("$python" --version) …"
  "$python" -m venv "$venv"
}

# ------------------------------------------------------------------ libraries

pip() {
  "$venv/bin/python" -m pip install --quiet --no-cache-dir -c "$project/constraints.txt" "$@"
}

pinned() { # "torch==2.13.0", without a local version
  grep -E "^$1==" "$project/constraints.txt" | sed 's/+.*//'
}

install_cpu() { # a build without CUDA: as pip is configured, else from the index of such builds
  local wanted
  wanted=$(pinned "$1") || stop "constraints.txt does not pin $1"
  "$venv/bin/python" -c "import importlib.metadata as m, sys; sys.exit(m.version('$1').partition('+')[0] != '${wanted#*==}')" 2>/dev/null && return
  echo "installing $wanted …"
  pip --retries 1 "$wanted+cpu" 2>/dev/null ||
    pip --retries 1 --extra-index-url "$torch_index" "$wanted+cpu" 2>/dev/null ||
    { echo "no CPU build of $wanted was found; taking the one that pip offers"; pip "$wanted"; }
}

install_libraries() {
  install_cpu torch
  install_cpu torchvision
  echo "installing the other libraries …"
  "$venv/bin/python" -c "
import sys, tomllib
with open(sys.argv[1], 'rb') as file:
    print(*tomllib.load(file)['project']['dependencies'], sep='\n')" "$project/pyproject.toml" >"$project/requirements.txt"
  pip -r "$project/requirements.txt"
}

if [ -n "${ELBOGRADE_VENV:-}" ]; then
  [ -x "$ELBOGRADE_VENV/bin/python" ] || stop "ELBOGRADE_VENV: there is no $ELBOGRADE_VENV/bin/python"
  ln -sfn "$ELBOGRADE_VENV" "$venv"
else
  make_venv
  install_libraries
  # An unprivileged container cannot use it; the grader then takes the next best, and says so.
  command -v bwrap >/dev/null || install bubblewrap || echo "bubblewrap could not be installed"
fi

# ------------------------------------------------------------------ who may read what

# Student code runs under another user id. It needs the libraries; the grader, the rubric and the reference are not for it.
if [ "$(id -u)" = 0 ]; then
  chown root:root "$place" "$place/setup.sh" "$place/run_autograder" "$place/autograder.toml"
  chown -R root:root "$project"
else
  echo "note: not root: the grader's files stay with $(id -un)"
fi
chmod 755 "$place"
chmod 700 "$place/setup.sh" "$place/run_autograder"
chmod 600 "$place/autograder.toml"
chmod -R u=rwX,go= "$project"
find "$(dirname "$place")" -maxdepth 1 -name '*.zip' -exec chmod go= {} + # should the platform have kept the zip

# ------------------------------------------------------------------ does it work?

cd "$project"
python=$(readlink -f "$venv")/bin/python
"$python" -m grading doctor || true # which sandboxes work here, and why others do not
"$python" -m grading autograder --smoke --settings "$place/autograder.toml" || stop "grading does not work here; see above"
