import Foundation

/// What app and extension say alike of the store that they share.
enum Store {
    static let group = "group.com.example.notes"
    static let keychainGroup = "TEAMID.com.example.notes.shared"
    static let registration = "work-sso"

    /// The configuration. Only the app refreshes: an extension may be frozen at any moment.
    static func config(refreshing: Bool) throws -> String {
        guard let container else { throw CocoaError(.fileNoSuchFile) }
        let config: [String: Any] = [
            "store": ["path": container.appendingPathComponent("keyfob").path],
            "refresh_policy": refreshing ? "normal" : "never",
            "registrations": [
                [
                    "id": registration, "provider": "oidc", "variables": ["issuer": "https://login.example.com"], "client_id": "notes",
                    "redirect_uri": "com.example.notes:/callback", "scopes": ["openid", "email", "offline_access"],
                ] as [String: Any]
            ],
        ]
        return String(decoding: try JSONSerialization.data(withJSONObject: config), as: UTF8.self)
    }

    private static var container: URL? {
        #if canImport(Darwin)
        FileManager.default.containerURL(forSecurityApplicationGroupIdentifier: group)
        #else
        nil  // where this is only type-checked
        #endif
    }
}
