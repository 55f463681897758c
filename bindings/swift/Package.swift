// swift-tools-version: 6.0
import Foundation
import PackageDescription

// What `build-xcframework.sh` makes on a Mac, for Apple's devices. Without it the linker looks for the library that Cargo built.
let framework = "KeyfobFFI.xcframework"
let hasFramework = FileManager.default.fileExists(atPath: "\(Context.packageDirectory)/\(framework)")

// What the static library in it needs (`rustc --print native-static-libs`).
let apple: [LinkerSetting] = [
    .linkedFramework("Foundation"), .linkedFramework("AppKit", .when(platforms: [.macOS])),
    .linkedFramework("UIKit", .when(platforms: [.iOS])), .linkedLibrary("objc"),
]

let package = Package(
    name: "Keyfob",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "Keyfob", targets: ["Keyfob"])],
    targets: [
        // The two that `cargo xtask bindings` writes: the C functions of the library, and Swift over them. Neither is API.
        hasFramework ? .binaryTarget(name: "KeyfobFFI", path: framework) : .systemLibrary(name: "KeyfobFFI"),
        .target(
            name: "KeyfobGenerated",
            dependencies: ["KeyfobFFI"],
            linkerSettings: hasFramework ? apple : [.linkedLibrary("keyfob_uniffi")]
        ),
        .target(name: "Keyfob", dependencies: ["KeyfobGenerated"], resources: [.copy("PrivacyInfo.xcprivacy")]),
        .testTarget(name: "KeyfobTests", dependencies: ["Keyfob"]),
        // The process that a test kills. `swift test` builds it, as every target; to depend on a program it cannot link.
        .executableTarget(name: "KeyfobVictim", dependencies: ["Keyfob"], path: "Tests/KeyfobVictim"),
        // What `cargo xtask bench bindings` runs.
        .executableTarget(name: "KeyfobBench", dependencies: ["Keyfob", "KeyfobGenerated"], path: "Tests/KeyfobBench"),
    ],
    swiftLanguageModes: [.v6]
)
