// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "login",
    platforms: [.macOS(.v13)],
    dependencies: [.package(path: "../../../bindings/swift")],
    targets: [.executableTarget(name: "login", dependencies: [.product(name: "Keyfob", package: "swift")])],
    swiftLanguageModes: [.v6]
)
