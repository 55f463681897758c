import Foundation
import Keyfob
import Testing

/// Prints every object and every error there is, in every way that Swift has, and looks for everything that must not be seen.
@Suite struct RedactionTests {
    private let user =
        #"{ "sub": "CANARY-uid", "name": "CANARY-name", "email": "CANARY@example.com", "picture": "https://CANARY.example" }"#

    @Test func nothingPrintsATokenAStateALinkAPersonOrTheProvidersWords() async throws {
        let users = #"[ { "username": "ada", "password": "lovelace", "claims": \#(user) } ]"#
        let provider = try TestProvider(#"{ "users": \#(users) }"#)
        let keyfob = try await Keyfob.open(provider.config)
        let options = LoginOptions(
            scopes: ["email", "profile"], success: "app:/CANARY-success", failure: "app:/CANARY-failure", redirectPort: 4100,
            parameters: [("login_hint", "CANARY-hint")], appData: "CANARY-data")
        let login = try await keyfob.beginLogin("work-sso", options)
        let waiting = try await keyfob.pendingLogins()
        let redirect = try await provider.logIn(login.authorizationURL)
        let completed = try await keyfob.completeLogin(redirect)
        let session = completed.session
        let token = try await keyfob.accessToken(session.id)

        var printed: [String] = []
        func show(_ thing: Any) {
            var dumped = ""
            dump(thing, to: &dumped)
            printed.append("\(thing) \(String(reflecting: thing)) \(dumped) \([thing]) \(Optional.some(thing) as Any)")
            if let error = thing as? any Error {
                printed.append("\(error.localizedDescription) \(error as NSError) \((error as NSError).userInfo)")
            }
        }
        show(keyfob)
        show(options)
        show(BrowserLogin(options: options))
        show(URLSessionTransport())
        show(HTTPRequest(method: "POST", url: "https://x/CANARY", headers: [("Authorization", "CANARY")], body: Data("CANARY".utf8)))
        show(HTTPResponse(status: 200, headers: [("Set-Cookie", "CANARY")], body: Data("CANARY".utf8)))
        show(login)
        show(completed)
        show(session)
        show(session.profile)
        show(token)
        show(try keyfob.registrations())
        show(try await keyfob.journal())
        show(waiting)
        show(try keyfob.registrationGuide("work-sso"))
        show(try Keyfob.providers())
        show(try await keyfob.health())
        show(try await keyfob.maintain(limit: .seconds(60)))

        func url(_ text: String) -> URL { URL(string: text)! }
        show(try await errorOf { _ = try await keyfob.completeLogin(url("\(redirect)&state=CANARY-state")) })
        let denied = try await provider.refuse(keyfob.beginLogin("work-sso", options).authorizationURL).absoluteString
            .replacing(/error_description=[^&]*/, with: "error_description=CANARY-words")
        let refusal = try await errorOf { _ = try await keyfob.completeLogin(url(denied)) }
        guard case .accessDenied = refusal else { throw Trouble("not accessDenied: \(refusal)") }
        show(refusal)
        show(refusal.details)
        try await provider.play(
            """
            { "users": \(users), "faults": [ { "endpoint": "token", "status": 400, "body":
                { "error": "CANARY-code", "error_description": "CANARY-words", "error_uri": "https://CANARY.example" } },
                { "endpoint": "revoke", "status": 400, "body": { "error": "CANARY-code", "error_description": "CANARY-words" } } ] }
            """
        )
        let oauth = try await errorOf { _ = try await keyfob.refreshSession(session.id) }
        guard case .oauth(let details) = oauth else { throw Trouble("not oauth: \(oauth)") }
        #expect(details.oauth?.code == "CANARY-code")
        show(oauth)
        show(details.oauth as Any)
        show(try await errorOf { _ = try await keyfob.session("CANARY-id") })
        show(try await errorOf { _ = try await Keyfob.open(#"{ "store": "CANARY" }"#) })

        let tokens = ImportedTokens(
            registration: "work-sso", providerUID: "CANARY-uid-2", accessToken: "CANARY-token", refreshToken: "CANARY-token")
        show(tokens)
        let imported = try await keyfob.importSession(tokens)
        show(imported)
        let goodbye = EndSession(postLogoutRedirectURI: "app:/CANARY-bye")
        show(goodbye)
        let ended = try await keyfob.endSession(session.id, goodbye)
        #expect(try #require(ended.logoutURL).absoluteString.contains(try #require(session.idToken)))
        show(ended)
        show(ended.revocation)
        guard case .failed(let error) = ended.revocation else { throw Trouble("not failed") }
        show(error)
        show(try await keyfob.endSession(imported.id, EndSession(localOnly: true, postLogoutRedirectURI: "app:/CANARY-bye")))

        func value(_ url: URL, _ name: String) throws -> String {
            let items = URLComponents(url: url, resolvingAgainstBaseURL: false)?.queryItems ?? []
            return try #require(items.first { $0.name == name }?.value)
        }
        let secrets = [
            "CANARY", token.secret, try #require(session.providerRefreshToken), try value(redirect, "code"),
            try value(redirect, "state"), try value(login.authorizationURL, "nonce"), try #require(session.idToken),
        ]
        for text in printed {
            for secret in secrets { #expect(text.contains(secret) == false, "\(secret) is in \(text)") }
        }
        #expect(printed.count >= 31)
    }
}
