#!/bin/bash
# Pictures of the site, JupyterLab and MLflow in Debian's chromium, into .docs/screenshots/ (not kept in git).
set -u
command -v chromium >/dev/null || { echo "chromium is missing: install it (Debian: apt install chromium)."; exit 1; }
out=$PWD/.docs/screenshots lab=8877 ui=5877 token=$(python -c "import secrets; print(secrets.token_hex(16))")
mkdir -p "$out"

shot() {  # name, address, milliseconds that the page may take
  timeout 180 chromium --headless=new --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
    --hide-scrollbars --user-data-dir="$(mktemp -d)" --window-size=1440,900 --virtual-time-budget="$3" \
    --screenshot="$out/$1.png" "$2" >/dev/null 2>&1
  [ -s "$out/$1.png" ] && echo "$out/$1.png" || echo "$1: no picture, chromium did not finish"
}

answers() { for _ in $(seq 120); do curl -s -o /dev/null "$1" && return; sleep 1; done; }

for page in reports/site/*.html; do
  [ -e "$page" ] && shot "site-$(basename "$page" .html)" "file://$PWD/$page" 8000
done
root=$([ "$(id -u)" = 0 ] && echo --allow-root)  # Jupyter asks for it
jupyter lab $root --no-browser --port=$lab --IdentityProvider.token="$token" >/dev/null 2>&1 & jupyter=$!
mlflow ui --workers 1 --port $ui >/dev/null 2>&1 & mlflow=$!
trap 'kill $jupyter $mlflow 2>/dev/null' EXIT
answers "http://127.0.0.1:$lab/lab" && shot lab "http://127.0.0.1:$lab/lab/tree/notebooks/00_start.ipynb?token=$token" 60000
answers "http://127.0.0.1:$ui" && shot mlflow "$(python -m membership.pipeline.told | sed "s/^Open //; s/:5000/:$ui/")" 60000
