# What the example scripts share. Each takes a folder to work in (default: a temporary one) and prints what it does.
#
# NATIVEGEN: how nativegen is started (default: nativegen). CSC: the C# compiler (default: mcs).

set -eu
NATIVEGEN=${NATIVEGEN:-nativegen}
CSC=${CSC:-mcs}
EXAMPLES=$(cd "$(dirname "$0")/.." && pwd)
WORK=${1:-$(mktemp -d)}
mkdir -p "$WORK"
cd "$WORK"
export NATIVEGEN_CACHE="${NATIVEGEN_CACHE:-$WORK/cache}"

# The runtime that nativegen would use, and its framework's assemblies.
RUNTIME=$($NATIVEGEN runtimes --json | sed -n 's/.*"root": "\(.*\)",/\1/p' | head -1)
FRAMEWORK=$(dirname "$(ls "$RUNTIME"/shared/Microsoft.NETCore.App/3.1.*/System.Private.CoreLib.dll | head -1)")

step() { printf '\n== %s\n' "$*"; }

# csharp OUT.dll library|exe SOURCE... [-r:REFERENCE]...
csharp() {
    out=$1; kind=$2; shift 2
    "$CSC" -nologo -nostdlib -noconfig -nowarn:1685,1701,436 -target:"$kind" -out:"$out" \
        -r:"$FRAMEWORK/System.Private.CoreLib.dll" -r:"$FRAMEWORK/System.Runtime.dll" -r:"$FRAMEWORK/System.Console.dll" "$@"
}

# build_app FOLDER: the program of the MSBuild example, App.dll and Greeting.dll.
build_app() {
    mkdir -p "$1"
    csharp "$1/Greeting.dll" library "$EXAMPLES/msbuild/Greeting.cs"
    csharp "$1/App.dll" exe "$EXAMPLES/msbuild/App.cs" -r:"$1/Greeting.dll"
    cp "$EXAMPLES/msbuild/App.runtimeconfig.json" "$1/"
}
