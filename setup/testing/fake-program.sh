#!/bin/sh
# Stands for npm and python in the tests of set-up (a shell, because Node.js takes long to start): notes its call in
# calls.log and leaves behind what the real one would. The rule in FAKE_ON, FAKE_SAY, FAKE_CODE, FAKE_HANG and
# FAKE_AWAIT says otherwise for calls that contain FAKE_ON. Ends with its clone. Knows nothing of set-up.
set -eu
PATH=/usr/bin:/bin
cd "$FAKE_ROOT"
name=${0##*/}
case "${1-}" in
  -c) call="$name -c" ;;
  *) call="$name $*" && echo "$call" >> calls.log ;;
esac

case "$call" in
  *"${FAKE_ON:-nothing at all}"*)
    if [ -n "${FAKE_AWAIT-}" ]; then
      while [ ! -e "$FAKE_AWAIT" ] && [ -e package.json ]; do sleep 0.01; done
    fi
    printf %s "${FAKE_SAY-}"
    if [ -n "${FAKE_HANG-}" ]; then
      # A descendant that has to be killed: it ignores SIGTERM and outlives its parent.
      sh -c 'trap "" TERM; echo $$ > descendant.draft; mv descendant.draft descendant.pid; while [ -e package.json ]; do sleep 1; done' &
      wait
    fi
    if [ -n "${FAKE_CODE-}" ]; then exit "$FAKE_CODE"; fi
    ;;
esac

case "$call" in
  *" -c")
    printf '{"version":[3,11,7],"executable":"%s","venv":true,"pip":true}\n' "$0"
    ;;
  "npm ci"*)
    mkdir -p node_modules/typescript/bin node_modules/vite/bin
    cp "${FAKE_PROGRAMS}/fake-vite.mjs" node_modules/vite/bin/vite.js
    cp "${FAKE_PROGRAMS}/fake-tsc.mjs" node_modules/typescript/bin/tsc
    echo '{}' > node_modules/.package-lock.json
    ;;
  *"-m venv"*)
    mkdir -p .venv/bin
    ln -sf "${FAKE_PROGRAMS}/fake-program.sh" .venv/bin/python
    ;;
  *"--junitxml="*)
    echo '<testsuite errors="0" failures="0" skipped="1" tests="3">' > "${call##*--junitxml=}"
    ;;
  *"--data-dir"*)
    for data_dir; do :; done
    mkdir -p "$data_dir/models/smollm2-135m-instruct"
    echo '{}' > "$data_dir/models/smollm2-135m-instruct/minivault.json"
    ;;
esac
