#!/bin/sh
# ngen's hard binding: an assembly says that a dependency is always loaded with it. The hint is recorded with the image; with
# /strict, ngen's own rule of invalidation holds: any change of the dependency makes the dependent's image stale.
. "$(dirname "$0")/../common.sh"

step "App marks Greeting with [assembly: Dependency(\"Greeting\", LoadHint.Always)]"
cp "$EXAMPLES/msbuild/Greeting.cs" .
build_app bin
csharp bin/App.dll exe "$EXAMPLES/msbuild/App.cs" "$EXAMPLES/hard-binding/Hints.cs" -r:bin/Greeting.dll
$NATIVEGEN install bin/App.dll /strict /nologo
grep -o '"hard_binding_hints":\["Greeting"\]' "$NATIVEGEN_CACHE"/NativeImages_*/App/*/App.json

step "A body edit of Greeting: with /strict, App is stale as well"
sed -i 's/Hello, /Good evening, /' Greeting.cs
csharp bin/Greeting.dll library Greeting.cs
$NATIVEGEN why bin/App.dll
test "$($NATIVEGEN why bin/App.dll | wc -l)" = 2
$NATIVEGEN update /nologo
$NATIVEGEN run bin/App.dll you

step "Without /strict the edit stops at Greeting"
$NATIVEGEN install bin/App.dll /nologo
sed -i 's/Good evening, /Good night, /' Greeting.cs
csharp bin/Greeting.dll library Greeting.cs
test "$($NATIVEGEN why bin/App.dll | wc -l)" = 1
$NATIVEGEN update /nologo
$NATIVEGEN run bin/App.dll you
