# shellcheck shell=bash
# Sourced by demo and test: makes a virtual environment of its own, once, with pinned versions.
#
#   make_environment NAME EXTRAS    creates .venv-NAME with optcell-search[EXTRAS] in it
#
# An environment that was made from the same requirements is used again as it is.

python_with_venv() {
  for candidate in "${PYTHON:-}" python3.11 python3.12 python3; do
    if [ -n "$candidate" ] && "$candidate" -c \
      'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' \
      2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "no Python 3.11 or 3.12 with the venv module was found; set PYTHON to one" >&2
  return 2
}

make_environment() {
  local venv=".venv-$1" extras="$2" python wanted
  wanted="$extras $(cat pyproject.toml scripts/constraints.txt | cksum)"
  if [ "$(cat "$venv/made-from" 2>/dev/null)" != "$wanted" ]; then
    python="$(python_with_venv)"
    echo "Installing into $venv (a few minutes, once)"
    rm -rf "$venv"
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check \
      --constraint scripts/constraints.txt --editable ".[$extras]"
    echo "$wanted" > "$venv/made-from"
  fi
}
