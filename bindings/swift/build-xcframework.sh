#!/usr/bin/env bash
# Makes KeyfobFFI.xcframework beside Package.swift, which then links it: iOS, its simulator, and macOS. Needs a Mac with
# Xcode, Rust, and the targets below (`rustup target add …`).
#
#     bindings/swift/build-xcframework.sh
#
# Not tested yet: nothing of Keyfob has been built on a Mac so far. On another system it says so and ends with 3.
set -euo pipefail

package=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$package/../.." && pwd)
framework=$package/KeyfobFFI.xcframework
library=libkeyfob_uniffi.a

# As in Package.swift.
export IPHONEOS_DEPLOYMENT_TARGET=16.0 MACOSX_DEPLOYMENT_TARGET=13.0

if [ "$(uname -s)" != Darwin ]; then
    echo "build-xcframework.sh: this needs a Mac" >&2
    exit 3
fi
for tool in cargo rustup xcodebuild lipo zip; do
    command -v "$tool" > /dev/null || { echo "build-xcframework.sh: there is no $tool" >&2; exit 1; }
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One library for a kind of device: `slice NAME TARGET…`.
slice() {
    local name=$1 built=()
    shift
    for target in "$@"; do
        rustup target list --installed | grep -qx "$target" || rustup target add "$target"
        # rustc says which of Apple's frameworks the library needs (`native-static-libs`); Package.swift has to name them.
        (cd "$root" && cargo rustc --locked --release -p keyfob-uniffi --lib --target "$target" -- --print native-static-libs)
        built+=("${CARGO_TARGET_DIR:-$root/target}/$target/release/$library")
    done
    mkdir -p "$work/$name"
    lipo -create "${built[@]}" -output "$work/$name/$library"
}

slice ios aarch64-apple-ios
slice simulator aarch64-apple-ios-sim x86_64-apple-ios
slice macos aarch64-apple-darwin x86_64-apple-darwin

# In a folder with the module's name, where clang looks too: two frameworks with a module map at the same place do not go together.
headers=$work/headers
mkdir -p "$headers/KeyfobFFI"
cp "$package/Sources/KeyfobFFI/KeyfobFFI.h" "$package/Sources/KeyfobFFI/module.modulemap" "$headers/KeyfobFFI"

rm -rf "$framework"
xcodebuild -create-xcframework \
    -library "$work/ios/$library" -headers "$headers" \
    -library "$work/simulator/$library" -headers "$headers" \
    -library "$work/macos/$library" -headers "$headers" \
    -output "$framework"

# What a release attaches, and the checksum that a package manifest names it by.
(cd "$package" && zip -qry "$work/KeyfobFFI.xcframework.zip" KeyfobFFI.xcframework)
mv "$work/KeyfobFFI.xcframework.zip" "$package/"
swift package --package-path "$package" compute-checksum "$package/KeyfobFFI.xcframework.zip"
