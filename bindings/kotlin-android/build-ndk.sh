#!/bin/sh
# Builds libkeyfob_uniffi.so for Android's four machines into jniLibs/, from where the archive of keyfob-android takes it.
#
#     ANDROID_NDK_HOME=…/ndk/28.0.12433566 sh bindings/kotlin-android/build-ndk.sh
#
# NOBODY HAS RUN THIS YET: there is no NDK where the project is tested, and the suite counts it as skipped. It needs an NDK of
# r26 or later, and rustup.
set -eu

cd "$(dirname "$0")/../.."
: "${ANDROID_NDK_HOME:?names the folder of the NDK}"

# What minSdkVersion of the manifest says.
api=26
tools=$(echo "$ANDROID_NDK_HOME"/toolchains/llvm/prebuilt/*/bin)
out=bindings/kotlin-android/jniLibs

# Rust's target, the name of the machine in an archive, what the NDK's clang calls it.
build() {
    target=$1 abi=$2 clang=$tools/${3:-$1}$api-clang
    upper=$(echo "$target" | tr 'a-z-' 'A-Z_')
    lower=$(echo "$target" | tr - _)
    rustup target add "$target"
    # Pages of 16 KB, which devices of Android 15 may have: an NDK before r28 aligns for 4 KB unless it is told.
    env "CARGO_TARGET_${upper}_LINKER=$clang" \
        "CARGO_TARGET_${upper}_RUSTFLAGS=-C link-arg=-Wl,-z,max-page-size=16384" \
        "CC_$lower=$clang" "AR_$lower=$tools/llvm-ar" \
        cargo build --release -p keyfob-uniffi --target "$target"
    mkdir -p "$out/$abi"
    "$tools/llvm-strip" -o "$out/$abi/libkeyfob_uniffi.so" "${CARGO_TARGET_DIR:-target}/$target/release/libkeyfob_uniffi.so"
    # Each part of the file that is loaded has to begin on such a page.
    if "$tools/llvm-readelf" -lW "$out/$abi/libkeyfob_uniffi.so" | awk '$1 == "LOAD" && $NF != "0x4000" { bad = 1 } END { exit !bad }'; then
        echo "$abi: not aligned for pages of 16 KB" >&2
        exit 1
    fi
}

build aarch64-linux-android arm64-v8a
build armv7-linux-androideabi armeabi-v7a armv7a-linux-androideabi
build x86_64-linux-android x86_64
build i686-linux-android x86
