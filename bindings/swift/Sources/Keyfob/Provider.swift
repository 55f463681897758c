internal import KeyfobGenerated

/// A provider that Keyfob knows. Holds no secret.
public struct Provider: Sendable, Equatable, Identifiable {
    /// What a provider speaks.
    public enum Kind: Sendable {
        /// OpenID Connect: an issuer, discovery, ID tokens.
        case oidc
        /// Plain OAuth 2: explicit endpoints, the user's identity from userinfo.
        case oauth2
    }

    /// The id, for the `provider` of a registration.
    public let id: String

    /// The name, to show to people.
    public let displayName: String

    /// What it speaks.
    public let kind: Kind

    /// Other names that a registration may use for it.
    public let aliases: [String]

    /// The variables that a registration has to fill in.
    public let requiredVariables: [String]

    /// The scopes that are asked for when neither registration nor call names one.
    public let defaultScopes: [String]

    /// Whether it takes redirect URIs with a private-use scheme (`com.example.app:/…`); nil where that is not known.
    public let acceptsCustomScheme: Bool?

    /// What it takes of loopback redirect URIs; nil where that is not known.
    public let acceptsLoopback: RegistrationGuide.Loopback?

    init(_ raw: RawProvider) {
        id = raw.id
        displayName = raw.displayName
        kind = Kind(raw.kind)
        aliases = raw.aliases
        requiredVariables = raw.requiredVariables
        defaultScopes = raw.defaultScopes
        acceptsCustomScheme = raw.acceptsCustomScheme
        acceptsLoopback = raw.acceptsLoopback.map(RegistrationGuide.Loopback.init)
    }
}

extension Provider.Kind {
    fileprivate init(_ raw: RawProviderKind) {
        self =
            switch raw {
            case .oidc: .oidc
            case .oauth2: .oauth2
            }
    }
}
