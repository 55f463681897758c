// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "Keyfob",
    platforms: [.iOS(.v16), .macOS(.v13)],
    products: [.library(name: "Keyfob", targets: ["Keyfob"])],
    targets: [
        // The two that `cargo xtask bindings` writes: the C functions of the library, and Swift over them. Neither is API.
        .systemLibrary(name: "KeyfobFFI"),
        .target(
            name: "KeyfobGenerated",
            dependencies: ["KeyfobFFI"],
            linkerSettings: [.linkedLibrary("keyfob_uniffi")]
        ),
        .target(name: "Keyfob", dependencies: ["KeyfobGenerated"]),
        .testTarget(name: "KeyfobTests", dependencies: ["Keyfob"]),
    ],
    swiftLanguageModes: [.v6]
)
