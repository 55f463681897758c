import KeyfobGenerated

/// The generated layer, in a file of its own: its types are called as those of the package are.
struct Core {
    private let raw: Keyfob

    init(_ config: String) throws {
        raw = try Keyfob.open(
            configJson: config, transport: nil, clock: nil, executor: nil, observer: nil, storeKey: nil, deviceBinding: nil)
    }

    func echo(_ text: String) throws -> String { try raw.echo(text: text) }
}
