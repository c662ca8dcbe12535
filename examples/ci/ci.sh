#!/bin/sh
# A CI job: images, reports for the build server, a baseline of coverage, and the question whether another runtime takes them.
. "$(dirname "$0")/../common.sh"

step "Build and publish"
build_app bin
$NATIVEGEN install bin/App.dll /nologo
$NATIVEGEN publish bin/App.dll publish

step "Once, by hand: how many methods have code. The file belongs in version control"
$NATIVEGEN verify publish --write-baseline coverage.json /silent
cat coverage.json

step "Each build: all checks, one report for each reader"
for format in text junit sarif github msbuild json; do
    $NATIVEGEN verify publish -r bin --baseline coverage.json --cpu x86-64 --format $format > report.$format
done
cat report.text

step "Would another runtime take these images? It would ignore them, silently; exit code 5 says so"
if [ -n "${OTHER_RUNTIME:-}" ]; then
    if $NATIVEGEN verify publish/App.dll --runtime "$OTHER_RUNTIME" --format github; then echo "not found out"; exit 1; fi
fi

step "An environment in which native code is switched off is found, too"
if DOTNET_ReadyToRun=0 $NATIVEGEN verify publish; then echo "not found out"; exit 1; fi
