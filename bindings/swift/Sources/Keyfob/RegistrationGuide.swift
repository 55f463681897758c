internal import KeyfobGenerated

/// What to enter at the provider's developer console for one registration, and what it accepts. Holds no secret.
public struct RegistrationGuide: Sendable, Equatable {
    /// What a provider takes of a loopback redirect URI (`http://127.0.0.1/…`).
    public enum Loopback: Sendable {
        /// With any port, as RFC 8252 wants it.
        case anyPort
        /// Only exactly as registered, port included.
        case exact
        /// Not at all. (Not called `none`: in an optional that would be read as nil.)
        case refused
    }

    /// The name of the provider.
    public let providerName: String

    /// The redirect URI to enter there, character for character.
    public let redirectURI: String

    /// The scopes that the app asks for, to be allowed there where the provider wants that.
    public let scopes: [String]

    /// Whether the provider takes redirect URIs with a private-use scheme (`com.example.app:/…`); nil where that is not known.
    public let acceptsCustomScheme: Bool?

    /// What the provider takes of loopback redirect URIs; nil where that is not known.
    public let acceptsLoopback: Loopback?

    /// Whether the registration's own redirect URI is of a form that the provider takes; nil where that is not known.
    public let redirectURIAccepted: Bool?

    /// What to do, a sentence each, for a person to read.
    public let steps: [String]

    init(_ raw: RawRegistrationGuide) {
        providerName = raw.providerName
        redirectURI = raw.redirectUri
        scopes = raw.scopes
        acceptsCustomScheme = raw.acceptsCustomScheme
        acceptsLoopback = raw.acceptsLoopback.map(Loopback.init)
        redirectURIAccepted = raw.redirectUriAccepted
        steps = raw.steps
    }
}

extension RegistrationGuide.Loopback {
    init(_ raw: RawLoopback) {
        self =
            switch raw {
            case .anyPort: .anyPort
            case .exact: .exact
            case .none: .refused
            }
    }
}
