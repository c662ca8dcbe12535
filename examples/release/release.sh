#!/bin/sh
# A release pipeline: build, compile, publish, verify, and an inventory (CycloneDX, with digests) that proves it later.
. "$(dirname "$0")/../common.sh"

step "Build the application"
build_app bin

step "Compile it into the cache and publish the folder with images in place of IL"
$NATIVEGEN install bin/App.dll /nologo
$NATIVEGEN publish bin/App.dll publish

step "Verify: statically, against the IL and the runtime that it will run on, and by the runtime itself"
$NATIVEGEN verify publish -r bin --runtime "$RUNTIME" --live --write-inventory images.cdx.json
sed -n 's/.*"content": /SHA-256 /p' images.cdx.json

step "The same images again, on purpose: equal inputs give equal bytes"
$NATIVEGEN verify --recompile

step "On the machine that installs it: is it what was released?"
cp -r publish installed
$NATIVEGEN verify installed --inventory images.cdx.json
cp bin/Greeting.dll installed/Greeting.dll # somebody's repair
if $NATIVEGEN verify installed --inventory images.cdx.json; then echo "the change was not found"; exit 1; fi

step "Run it"
"$RUNTIME/dotnet" publish/App.dll release
