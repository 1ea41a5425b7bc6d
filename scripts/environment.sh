# shellcheck shell=bash
# Sourced by demo and test: makes a virtual environment of its own, once, with pinned versions.
#
#   make_environment NAME EXTRAS    creates .venv-NAME with optcell-search[EXTRAS] in it
#
# An environment that was made from the same requirements, by the same Python, is used again.

python_with_venv() {
  local candidates=(python3.11 python3.12 python3.13 python3.14 python3)
  [ -z "${PYTHON:-}" ] || candidates=("$PYTHON")
  for candidate in "${candidates[@]}"; do
    if "$candidate" -c \
      'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' \
      2>/dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo "no Python 3.11 to 3.14 with the venv module was found (tried ${candidates[*]});" \
    "install one, on Debian or Ubuntu python3-venv, or set PYTHON to one" >&2
  return 2
}

make_environment() {
  local venv=".venv-$1" extras="$2" python wanted
  python="$(python_with_venv)"
  wanted="$extras $("$python" -V) $(cat pyproject.toml scripts/constraints.txt | cksum)"
  if [ "$(cat "$venv/made-from" 2>/dev/null)" != "$wanted" ]; then
    echo "Installing into $venv (a few minutes, once)"
    rm -rf "$venv"
    "$python" -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check \
      --constraint scripts/constraints.txt --editable ".[$extras]"
    echo "$wanted" > "$venv/made-from"
  fi
}
