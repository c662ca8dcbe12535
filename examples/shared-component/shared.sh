#!/bin/sh
# Two applications use one component: it is compiled once, and stays as long as one of them is installed.
. "$(dirname "$0")/../common.sh"

step "Two applications with the same Greeting.dll"
build_app first
mkdir -p second
cp first/Greeting.dll second/
csharp second/Other.dll exe "$EXAMPLES/shared-component/Other.cs" -r:second/Greeting.dll
cp first/App.runtimeconfig.json second/Other.runtimeconfig.json

step "Install both: the second finds the image of Greeting in the cache"
$NATIVEGEN install first/App.dll /nologo
$NATIVEGEN install second/Other.dll /nologo
$NATIVEGEN cache stats
$NATIVEGEN display Greeting /nologo
test "$(find "$NATIVEGEN_CACHE"/NativeImages_*/Greeting -name '*.dll' | wc -l)" = 1

step "Uninstall the first: the component stays, the second needs it"
$NATIVEGEN uninstall first/App.dll /nologo
test "$(find "$NATIVEGEN_CACHE"/NativeImages_*/Greeting -name '*.dll' | wc -l)" = 1
$NATIVEGEN run second/Other.dll

step "Uninstall the second: nobody needs it any more"
$NATIVEGEN uninstall second/Other.dll /nologo
test -z "$(find "$NATIVEGEN_CACHE" -name 'Greeting*.dll')"
