import Foundation
import Keyfob
import Testing

/// What a login asks for and carries along, logins that wait, sessions of other libraries.
@Suite struct OptionsTests {
    @Test func parametersReachTheProviderAndThoseOfTheProtocolCannotBeSet() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let options = LoginOptions(parameters: [("prompt", "login"), ("login_hint", "ada+1@example.com")])
        _ = try await provider.logIn(keyfob.beginLogin("work-sso", options).authorizationURL)
        let asked = try #require(await provider.requests().first { $0.path == "/authorize" })
        #expect(asked.query["prompt"] == "login")
        #expect(asked.query["login_hint"] == "ada+1@example.com")

        let own = LoginOptions(parameters: [("state", "mine")])
        guard case .invalidArgument = try await errorOf({ _ = try await keyfob.beginLogin("work-sso", own) }) else {
            throw Trouble("not invalidArgument")
        }
    }

    @Test func whatTheAppGaveComesBackFromAnotherHandleAndIsNeverSent() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let login = try await keyfob.beginLogin("work-sso", LoginOptions(appData: "CANARY {\"tab\": 3}"))
        #expect(login.authorizationURL.absoluteString.contains("CANARY") == false)
        let redirect = try await provider.logIn(login.authorizationURL)
        let another = try await Keyfob.open(provider.config)
        #expect(try await another.completeLogin(redirect).appData == "CANARY {\"tab\": 3}")
        let sent = try await provider.requests().flatMap { Array($0.query.values) + Array($0.form.values) }
        #expect(sent.contains { $0.contains("CANARY") } == false)
    }

    @Test func aSessionGetsMoreScopesAndKeepsItsId() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let session = try await keyfob.logIn(provider)
        try await provider.forget()
        let more = try await keyfob.logIn(provider, LoginOptions(scopes: ["profile"], forSession: session.id))
        #expect(more.id == session.id)
        #expect(more.scopes.contains("profile"))
        let asked = try #require(await provider.requests().first { $0.path == "/authorize" })
        #expect(asked.query["scope"] == "openid offline_access profile")
    }

    @Test func moreScopesForASessionAreRefusedToSomebodyElse() async throws {
        let users = """
            [ { "username": "ada", "password": "lovelace", "claims": { "sub": "u-1" } },
              { "username": "bob", "password": "lovelace", "claims": { "sub": "u-2" } } ]
            """
        let provider = try TestProvider("{ \"users\": \(users) }")
        let keyfob = try await Keyfob.open(provider.config)
        let session = try await keyfob.logIn(provider)
        let login = try await keyfob.beginLogin("work-sso", LoginOptions(scopes: ["profile"], forSession: session.id))
        let redirect = try await provider.logIn(login.authorizationURL, as: "bob")
        guard case .tokenRejected(let details) = try await errorOf({ _ = try await keyfob.completeLogin(redirect) }) else {
            throw Trouble("not tokenRejected")
        }
        #expect(details.reason == "AccountMismatch")
        #expect(try await keyfob.sessions() == [session])
    }

    @Test func loginsThatWaitAreListedAndCanBeCancelled() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let first = try await keyfob.beginLogin("work-sso")
        let second = try await keyfob.beginLogin("work-sso", LoginOptions(failure: "app:/login"))
        let waiting = try await keyfob.pendingLogins()
        #expect(waiting.map(\.id) == [first.id, second.id])
        #expect(waiting[0].registration == "work-sso")
        #expect(waiting[0].createdAt > Date(timeIntervalSinceNow: -60) && waiting[0].createdAt < waiting[0].expiresAt)

        let redirect = try await provider.logIn(second.authorizationURL)
        try await keyfob.cancelLogin(second.id)
        try await keyfob.cancelLogin(second.id)
        #expect(try await keyfob.pendingLogins().map(\.id) == [first.id])
        try await provider.forget()
        guard case .redirectRejected(let details) = try await errorOf({ _ = try await keyfob.completeLogin(redirect) }) else {
            throw Trouble("not redirectRejected")
        }
        #expect(details.reason == "RedirectUsed")
        #expect(details.returnTo == "app:/login")
        #expect(try await provider.requests().isEmpty)
        #expect(try await errorOf { try await keyfob.cancelLogin("nobody") }.details.reason == "UnknownLogin")
    }

    @Test func theGuideSaysWhatToEnterAtTheProvider() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let guide = try keyfob.registrationGuide("work-sso")
        #expect(guide.redirectURI == "http://127.0.0.1/callback/work-sso")
        #expect(guide.scopes == ["openid", "offline_access"])
        #expect(guide.steps.contains { $0.contains(guide.redirectURI) })
        #expect(guide.steps.contains { $0.contains(guide.providerName) })
        #expect(try await provider.requests().isEmpty)
        #expect(throws: KeyfobError.self) { try keyfob.registrationGuide("nobody") }
    }

    @Test func theGuideSaysWhatAKnownProviderAccepts() async throws {
        let provider = try TestProvider()
        let config = """
            { "store": { "path": "\(provider.folder.appendingPathComponent("store").path)", "plaintext": true },
              "providers": [
                { "id": "none", "kind": "oauth2", "profile": { "uid": "/id" }, "redirect": { "custom_scheme": true, "loopback": "none" },
                  "endpoints": { "authorization": "https://x.example/a", "token": "https://x.example/t", "userinfo": "https://x.example/u" } } ],
              "registrations": [
                { "id": "x", "provider": "none", "client_id": "demo", "redirect_uri": "com.example.notes:/callback" } ] }
            """
        let guide = try await Keyfob.open(config).registrationGuide("x")
        #expect(guide.providerName == "none")
        #expect(guide.acceptsCustomScheme == true)
        #expect(guide.acceptsLoopback == .refused)
        #expect(guide.redirectURIAccepted == true)
    }

    @Test func aSessionOfAnotherLibraryIsTakenOverAndItsRefreshTokenGivesTheFirstToken() async throws {
        let provider = try TestProvider()
        let other = try await Keyfob.open(provider.config.replacingOccurrences(of: "/store\"", with: "/other\""))
        let refreshToken = try await other.logIn(provider).providerRefreshToken
        try await provider.forget()
        let keyfob = try await Keyfob.open(provider.config)
        let session = try await keyfob.importSession(
            ImportedTokens(
                registration: "work-sso", providerUID: "u-1", refreshToken: refreshToken, scopes: ["openid", "offline_access"]))
        #expect(try await provider.requests().isEmpty)
        #expect(session.providerUID == "u-1")
        #expect(session.scopes == ["openid", "offline_access"])
        #expect(session.state == .active)

        let token = try await keyfob.accessToken(session.id)
        #expect(try await provider.tokenRequests().map { $0.form["refresh_token"] } == [refreshToken])
        #expect(try await keyfob.session(session.id).providerAccessToken == token.secret)
        #expect(try await keyfob.journal().map(\.event) == ["Refreshed", "SessionImported"])
    }

    @Test func anAccessTokenThatIsTakenOverIsGoodAsLongAsItSays() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let end = Date(timeIntervalSinceNow: 1800)
        let theirs = ImportedTokens(registration: "work-sso", providerUID: "u-1", accessToken: "theirs", expiresAt: end)
        let token = try await keyfob.accessToken(keyfob.importSession(theirs).id)
        #expect(token.secret == "theirs")
        #expect(abs(try #require(token.expiresAt).timeIntervalSince(end)) < 5)
        #expect(try await provider.requests().isEmpty)
        let nothing = ImportedTokens(registration: "work-sso", providerUID: "u-1")
        guard case .invalidArgument = try await errorOf({ _ = try await keyfob.importSession(nothing) }) else {
            throw Trouble("not invalidArgument")
        }
    }

    @Test func theIdTokenItsClaimsAndTheRestOfTheTokenAnswerAreThere() async throws {
        let provider = try TestProvider(#"{ "tamper": { "token": { "set": { "instance_url": "https://one.example" } } } }"#)
        let keyfob = try await Keyfob.open(provider.config)
        let session = try await keyfob.logIn(provider)
        #expect(session.idToken?.split(separator: ".").count == 3)
        let json = try JSONSerialization.jsonObject(with: Data(try #require(session.idTokenClaimsJSON).utf8))
        let claims = try #require(json as? [String: Any])
        #expect(claims["sub"] as? String == "u-1")
        #expect(claims["iss"] as? String == provider.issuer)
        #expect(session.tokenAnswerJSON == #"{"instance_url":"https://one.example"}"#)
        try await keyfob.endSession(session.id)
        let ended = try await keyfob.session(session.id)
        #expect(ended.idToken == nil)
        #expect(ended.idTokenClaimsJSON == nil)
        #expect(ended.tokenAnswerJSON == "{}")
    }
}
