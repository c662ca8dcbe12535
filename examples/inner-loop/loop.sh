#!/bin/sh
# A developer's day: build, run, edit, build, run. Only what an edit affects is compiled.
. "$(dirname "$0")/../common.sh"

step "The first time everything is compiled"
cp "$EXAMPLES/msbuild/Greeting.cs" .
build_app bin
$NATIVEGEN install bin/App.dll /nologo
$NATIVEGEN run bin/App.dll first

step "Edit a method body of Greeting and build that project"
sed -i 's/Hello, /Good morning, /' Greeting.cs
csharp bin/Greeting.dll library Greeting.cs

step "What has to be compiled, and why? Only Greeting: App knows its signatures, not its bodies"
$NATIVEGEN why bin/App.dll

step "The program runs at once, with IL in the place of the stale image"
$NATIVEGEN run bin/App.dll second

step "Update, and run native again"
$NATIVEGEN update /nologo
$NATIVEGEN run bin/App.dll third

step "Faster still: only what the start of the program uses"
$NATIVEGEN trace -o start.profile bin/App.dll fourth
cat start.profile
$NATIVEGEN install bin/App.dll --partial start.profile /nologo
$NATIVEGEN run bin/App.dll fifth
