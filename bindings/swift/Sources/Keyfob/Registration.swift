internal import KeyfobGenerated

/// This app as one provider knows it, as far as a login button needs it.
public struct Registration: Sendable, Equatable, Identifiable {
    /// The id, for ``Keyfob/beginLogin(_:_:)``.
    public let id: String

    /// The id of the provider.
    public let provider: String

    /// The name of the provider, to show to people.
    public let providerName: String

    /// Whether logins may begin.
    public let enabled: Bool

    init(_ raw: RawRegistration) {
        id = raw.id
        provider = raw.provider
        providerName = raw.providerName
        enabled = raw.enabled
    }
}
