#!/bin/sh
# ngen's hard binding: an assembly says that a dependency is always loaded with it. Its image may then use the dependency's
# insides as its own, and any change of the dependency makes it stale; without the hint, what it does not use may change.
. "$(dirname "$0")/../common.sh"

step "App marks Greeting with [assembly: Dependency(\"Greeting\", LoadHint.Always)]"
cp "$EXAMPLES/msbuild/Greeting.cs" .
build_app bin
csharp bin/App.dll exe "$EXAMPLES/msbuild/App.cs" "$EXAMPLES/hard-binding/Hints.cs" -r:bin/Greeting.dll
$NATIVEGEN install bin/App.dll /nologo
grep -o '"hard_binding_hints":\["Greeting"\]' "$NATIVEGEN_CACHE"/NativeImages_*/App/*/App.json

step "A body edit of Greeting: App is stale as well"
sed -i 's/Hello, /Good evening, /' Greeting.cs
csharp bin/Greeting.dll library Greeting.cs
$NATIVEGEN why bin/App.dll
test "$($NATIVEGEN why bin/App.dll | wc -l)" = 2
$NATIVEGEN update /nologo
$NATIVEGEN run bin/App.dll you

step "The same without the hint: the edit stops at Greeting"
csharp bin/App.dll exe "$EXAMPLES/msbuild/App.cs" -r:bin/Greeting.dll
$NATIVEGEN install bin/App.dll /nologo
sed -i 's/Good evening, /Good night, /' Greeting.cs
csharp bin/Greeting.dll library Greeting.cs
$NATIVEGEN why bin/App.dll
test "$($NATIVEGEN why bin/App.dll | wc -l)" = 1
$NATIVEGEN update /nologo
$NATIVEGEN run bin/App.dll you

step "/strict is ngen's own rule: every change of a dependency, hint or not"
$NATIVEGEN install bin/App.dll /strict /nologo
sed -i 's/Good night, /Sleep well, /' Greeting.cs
csharp bin/Greeting.dll library Greeting.cs
test "$($NATIVEGEN why bin/App.dll | wc -l)" = 2
$NATIVEGEN update /nologo
$NATIVEGEN run bin/App.dll you
