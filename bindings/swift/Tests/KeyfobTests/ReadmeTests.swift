import Foundation
import Testing

@testable import Keyfob

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// The code of the README, compiled and run as it stands there.
@Suite final class ReadmeTests {
    private var visited: [String?] = []
    private let vault = Vault()

    /// A keystore of the reader's own.
    final class Vault: @unchecked Sendable {
        private let lock = NSLock()
        private var kept: Data?

        func read() throws -> Data? { lock.withLock { kept } }

        func write(_ bytes: Data) throws { lock.withLock { kept = bytes } }
    }

    struct Keychain: StoreKeySource {
        let vault: Vault

        func storeKey(_ wanted: WantedKey) throws -> StoreKeyAnswer {
            // Throws for a keystore that is locked or does not answer: that counts as notNow.
            if let kept = try vault.read() { return .key(try StoreKey(kept)) }
            // Not found. Gone only where the keystore is sure of it: that ends every session.
            guard wanted == .new else { return .notNow }
            let key = try StoreKey.generate()
            try vault.write(key.bytes())
            return .key(key)
        }
    }

    private func navigate(to link: String?) { visited.append(link) }

    private func showOffline() { Issue.record("offline") }

    private func report(_ error: KeyfobError) { Issue.record(error) }

    @Test func theCodeOfTheReadmeRuns() async throws {
        let provider = try TestProvider()
        let (folder, issuer) = (provider.folder.appendingPathComponent("store").path, provider.issuer)
        var request = URLRequest(url: try #require(URL(string: issuer)))
        let keychain = Keychain(vault: vault)
        func openInBrowserAndWait(_ url: URL) async throws -> URL { try await provider.logIn(url) }

        let config = """
            { "store": { "path": "\(folder)" },
              "registrations": [
                { "id": "work-sso", "provider": "oidc", "variables": { "issuer": "\(issuer)" },
                  "client_id": "demo", "redirect_uri": "http://127.0.0.1/callback/work-sso" } ] }
            """
        let keyfob = try await Keyfob.open(config, storeKey: keychain)
        let login = try await keyfob.beginLogin("work-sso", LoginOptions(success: "app:/home", redirectPort: 4100))
        let redirectURL = try await openInBrowserAndWait(login.authorizationURL)
        let session = try await keyfob.completeLogin(redirectURL).session
        print("Hello, \(session.profile.name ?? session.providerUID)")

        let token = try await keyfob.accessToken(session.id)
        request.setValue("Bearer \(token.secret)", forHTTPHeaderField: "Authorization")

        #expect(session.providerUID == "u-1")
        #expect(token.secret == session.providerAccessToken)

        let completed = try await Keyfob.open(config, storeKey: keychain).completeLogin(redirectURL)
        navigate(to: completed.returnTo)

        let newKey = try StoreKey.generate()
        try vault.write(newKey.bytes())  // beside the old one, which goes when `rekey` has returned
        try await keyfob.rekey(newKey)

        #expect(try await keyfob.health().sealing == .sealed)

        let another = try await keyfob.refreshIfCurrent(session.id, rejectedToken: token.secret)
        #expect(another.secret != token.secret)

        try await workInTheBackground(keyfob, session)
        try await askForMore(provider, keyfob, session)
        try await logOut(keyfob, session)
        do {
            _ = try await keyfob.accessToken(session.id)
        } catch KeyfobError.loginRequired {
            navigate(to: "app:/login")  // the session is over, and details.reason says why: Revoked, Expired, …
        } catch KeyfobError.rateLimited(let details) {
            try await Task.sleep(for: .seconds(details.retryAfter ?? 30))
        } catch let error as KeyfobError {
            if error.details.isRetryable { showOffline() } else { report(error) }
        }
        let logout = visited.remove(at: 1)
        #expect(logout?.hasPrefix("\(issuer)/logout?") == true)
        #expect(visited == ["app:/home", "app:/login"])
    }

    private func workInTheBackground(_ keyfob: Keyfob, _ session: Session) async throws {
        let soon = try await keyfob.accessToken(session.id, wait: .seconds(2))

        #expect(soon.secret.isEmpty == false)

        let done = try await keyfob.maintain(limit: .seconds(20))
        print("\(done.refreshed) refreshed, \(done.revoked) revoked, \(done.failed) failed, \(done.owed) left")

        #expect(done.failed + done.owed == 0)

        try await keyfob.suspend(deadline: .seconds(5))
        try await keyfob.resume()
    }

    struct Signposts: KeyfobObserver {
        let open: @Sendable (String) -> Void

        func loginRequired(_ sessionID: String, cause: String) { open("app:/login") }  // cause: Revoked, Expired, …, LoggedOut
    }

    @Test func theCodeOfTheReadmeIsToldOfAnEnding() async throws {
        let provider = try TestProvider()
        try await confirmation { opened in
            let observer = Signposts { if $0 == "app:/login" { opened() } }
            let keyfob = try await Keyfob.open(provider.config, observer: observer)
            try await keyfob.endSession(keyfob.logIn(provider).id)
        }
    }

    @Test func theCodeOfTheReadmeReadsTheStreamOfChanges() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let session = try await keyfob.logIn(provider)
        try await confirmation { shown in
            func showLogin(because cause: String) { if cause == "LoggedOut" { shown() } }

            let watching = Task {
                for await case .ended(_, let cause) in keyfob.changes { showLogin(because: cause) }  // Revoked, Expired, …, LoggedOut
            }

            // It reads from when its task has begun.
            while keyfob.listeners == 0 { try await Task.sleep(for: .milliseconds(5)) }
            try await keyfob.endSession(session.id)
            try keyfob.close()
            await watching.value
        }
    }

    private func askForMore(_ provider: TestProvider, _ keyfob: Keyfob, _ session: Session) async throws {
        let options = LoginOptions(
            scopes: ["profile"],
            parameters: [("prompt", "consent"), ("login_hint", "ada@example.com")],
            appData: #"{ "tab": 3 }"#,  // comes back as completed.appData, also in another process
            forSession: session.id  // more scopes for this session; another account is refused
        )
        let more = try await keyfob.beginLogin("work-sso", options)

        let completed = try await keyfob.completeLogin(provider.logIn(more.authorizationURL))
        #expect(completed.session.id == session.id)
        #expect(completed.appData == #"{ "tab": 3 }"#)
    }

    private func logOut(_ keyfob: Keyfob, _ session: Session) async throws {
        func openInBrowser(_ url: URL) { navigate(to: url.absoluteString) }

        let ended = try await keyfob.endSession(session.id, EndSession(postLogoutRedirectURI: "com.example.notes:/bye"))
        switch ended.revocation {
        case .done: break  // the provider's tokens are dead
        case .notAsked, .notSupported: break
        case .owed: break  // it could not be asked now: `maintain` asks again
        case .failed(let error): report(error)  // they live on until they are over
        }
        if let url = ended.logoutURL { openInBrowser(url) }  // logs the user out of the provider's pages too
    }

    @Test func theCodeOfTheReadmeTakesASessionOver() async throws {
        let provider = try TestProvider()
        let old = try await Keyfob.open(provider.config.replacingOccurrences(of: "/store\"", with: "/old\""))
        let oldRefreshToken = try await old.logIn(provider).providerRefreshToken
        let keyfob = try await Keyfob.open(provider.config)

        let moved = try await keyfob.importSession(
            ImportedTokens(
                registration: "work-sso", providerUID: "u-1", refreshToken: oldRefreshToken, scopes: ["openid", "offline_access"]))

        #expect(try await keyfob.accessToken(moved.id).secret.isEmpty == false)
    }

    @Test func everyPieceOfCodeInTheReadmeStandsInThisFile() throws {
        func lines(_ text: String) -> String {
            text.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty }.joined(separator: "\n")
        }
        let here = URL(fileURLWithPath: #filePath)
        let package = here.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let source = lines(try String(contentsOf: here, encoding: .utf8))
        let readme = try String(contentsOf: package.appendingPathComponent("README.md"), encoding: .utf8)
        func pieces(_ fence: String, _ text: String? = nil) -> [String] {
            (text ?? readme).components(separatedBy: "```\(fence)\n").dropFirst().map { $0.components(separatedBy: "```")[0] }
        }
        #expect(pieces("swift").count == 15)
        for piece in pieces("swift") { #expect(source.contains(lines(piece)), "\(piece)") }
        // Those for Apple's systems stand in a file that `cargo xtask test swift` type-checks.
        let apple = lines(try String(contentsOf: package.appendingPathComponent("Tests/AppleReadme/Snippets.swift"), encoding: .utf8))
        #expect(pieces("swift apple").count == 4)
        for piece in pieces("swift apple") { #expect(apple.contains(lines(piece)), "\(piece)") }
        // The catalogue's are the README's.
        let catalogue = package.appendingPathComponent("Sources/Keyfob/Keyfob.docc")
        let articles = try FileManager.default.contentsOfDirectory(at: catalogue, includingPropertiesForKeys: nil)
        let repeated = try articles.flatMap { pieces("swift", try String(contentsOf: $0, encoding: .utf8)) }
        #expect(repeated.count == 5)
        for piece in repeated { #expect(lines(readme).contains(lines(piece)), "\(piece)") }
    }
}
