import Foundation
import Keyfob
import Testing

/// What an app can show of the catalogue.
@Suite struct ProvidersTests {
    /// What a file of the catalogue says of what is listed.
    private struct File: Decodable {
        struct Variable: Decodable {
            let `default`: String?
        }
        struct Scopes: Decodable {
            let `default`: [String]?
        }
        struct Redirect: Decodable {
            let custom_scheme: Bool?
            let loopback: String?
        }
        let id: String
        let name: String?
        let kind: String
        let aliases: [String]?
        let variables: [String: Variable]?
        let scopes: Scopes?
        let redirect: Redirect?
    }

    private let providers: [String: Provider]

    init() throws {
        providers = Dictionary(uniqueKeysWithValues: try Keyfob.providers().map { ($0.id, $0) })
    }

    @Test func everyProviderOfTheCatalogueIsListedAsItsFileSays() throws {
        let root = (1...5).reduce(URL(fileURLWithPath: #filePath)) { url, _ in url.deletingLastPathComponent() }
        let folder = root.appendingPathComponent("core/providers")
        let paths = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        let files = try paths.filter { $0.pathExtension == "json" }
            .map { try JSONDecoder().decode(File.self, from: Data(contentsOf: $0)) }
        #expect(try Keyfob.providers().map(\.id) == files.map(\.id).sorted())
        for file in files {
            let provider = try #require(providers[file.id])
            #expect(provider.displayName == (file.name ?? file.id))
            #expect(provider.kind == ["oidc": .oidc, "oauth2": .oauth2][file.kind])
            #expect(provider.aliases == file.aliases ?? [])
            #expect(provider.defaultScopes == (file.scopes?.default ?? []))
            let required = (file.variables ?? [:]).filter { $0.value.default == nil }
            #expect(provider.requiredVariables == required.keys.sorted())
            #expect(provider.acceptsCustomScheme == file.redirect?.custom_scheme)
            let loopbacks: [String: RegistrationGuide.Loopback] = ["any_port": .anyPort, "exact": .exact, "none": .refused]
            #expect(provider.acceptsLoopback == file.redirect?.loopback.flatMap { loopbacks[$0] })
        }
    }

    @Test func whatAnAppAsksOfAProviderIsThere() throws {
        let github = try #require(providers["github"])
        #expect(github.displayName == "GitHub")
        #expect(github.kind == .oauth2)
        #expect(github.defaultScopes == ["read:user", "user:email"])
        #expect(github.requiredVariables.isEmpty, "its variables have defaults")
        #expect(github.acceptsCustomScheme == true)
        #expect(github.acceptsLoopback == .anyPort)

        let oidc = try #require(providers["oidc"])
        #expect(oidc.kind == .oidc)
        #expect(oidc.requiredVariables == ["issuer"])
        #expect(oidc.acceptsCustomScheme == nil)
        #expect(oidc.acceptsLoopback == nil)
    }
}
