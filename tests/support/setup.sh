# Shared by run-demo and run-tests: functions that make what they need and do nothing when it is there.

# mcs compiles the C# of the example and of most tests, ilasm the tests written in IL.
ensure_compilers() {
    if command -v mcs >/dev/null && command -v ilasm >/dev/null; then return; fi
    if [ "$(id -u)" = 0 ]; then
        apt-get update -qq && apt-get install -y -qq mono-mcs mono-devel >/dev/null
    else
        echo "the C# compiler is missing; run: sudo apt-get install -y mono-mcs mono-devel" >&2
        exit 2
    fi
}

# nginx is one of the servers that the shared cache is tested with; without it that test is skipped, with the reason.
ensure_web_server() {
    if [ -x /usr/sbin/nginx ] || [ "$(id -u)" != 0 ]; then return; fi
    apt-get install -y -qq --no-install-recommends nginx-light >/dev/null || true
}

# ensure_venv REQUIREMENT: a virtual environment in .venv with the package (editable) and the named extras.
ensure_venv() {
    if [ ! -x .venv/bin/python ]; then python3 -m venv .venv; fi
    . .venv/bin/activate
    stamp=.venv/installed-$(printf %s "$1" | tr -c 'a-z0-9\n' -)
    if [ ! -f "$stamp" ] || [ pyproject.toml -nt "$stamp" ]; then
        pip install -q --disable-pip-version-check -e "$1"
        touch "$stamp"
    fi
}
