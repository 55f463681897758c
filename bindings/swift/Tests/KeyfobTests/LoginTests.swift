import Foundation
import Keyfob
import Testing

@Suite struct LoginTests {
    @Test func aWholeLoginMakesASessionThatKnowsWhoLoggedIn() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let buttons = try keyfob.registrations()
        #expect(buttons.map(\.id) == ["work-sso"])

        let options = LoginOptions(scopes: ["email"], success: "app:/home", failure: "app:/login", redirectPort: 4100)
        let login = try await keyfob.beginLogin("work-sso", options)
        #expect(login.registration == "work-sso")
        #expect(login.expiresAt > Date())

        let redirect = try await provider.logIn(login.authorizationURL)
        #expect(redirect.absoluteString.hasPrefix("http://127.0.0.1:4100/callback/work-sso?"))
        let completed = try await keyfob.completeLogin(redirect)
        #expect(completed.returnTo == "app:/home")
        let session = completed.session
        #expect(session.provider == "oidc")
        #expect(session.providerUID == "u-1")
        #expect(session.state == .active)
        #expect(session.profile.email == "ada@example.com")
        #expect(session.scopes.contains("email"))
        #expect(session.providerAccessToken.isEmpty == false)
        #expect(session.providerRefreshToken?.isEmpty == false)
        #expect(try #require(session.providerAccessTokenExpiry) > Date(timeIntervalSinceNow: 3000))

        #expect(try await keyfob.currentSession() == session)
        #expect(try await keyfob.sessions() == [session])
        #expect(try await keyfob.session(session.id) == session)

        let asked = try #require(await provider.requests().first { $0.path == "/authorize" })
        #expect(asked.query["scope"] == "openid offline_access email")
        #expect(asked.query["code_challenge_method"] == "S256")
    }

    @Test func aLoginIsCompletedByAHandleThatDidNotBeginIt() async throws {
        let provider = try TestProvider()
        let first = try await Keyfob.open(provider.config)
        let login = try await first.beginLogin("work-sso")
        try first.close()
        let redirect = try await provider.logIn(login.authorizationURL)
        let second = try await Keyfob.open(provider.config)
        #expect(try await second.completeLogin(redirect).session.providerUID == "u-1")
    }

    @Test func theRedirectThatMadeASessionGivesItAgainAndSendsNothing() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let redirect = try await provider.logIn(keyfob.beginLogin("work-sso").authorizationURL)
        let session = try await keyfob.completeLogin(redirect).session
        try await provider.forget()
        #expect(try await keyfob.completeLogin(redirect).session == session)
        #expect(try await provider.requests().isEmpty)
    }

    @Test func aUserWhoSaysNoIsAccessDeniedWithTheFailureLink() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let login = try await keyfob.beginLogin("work-sso", LoginOptions(failure: "app:/login"))
        let redirect = try await provider.refuse(login.authorizationURL)
        try await provider.forget()
        guard case .accessDenied(let details) = try await errorOf({ _ = try await keyfob.completeLogin(redirect) }) else {
            throw Trouble("not accessDenied")
        }
        #expect(details.returnTo == "app:/login")
        #expect(details.oauth?.code == "access_denied")
        #expect(details.number == 7)
        guard case .redirectRejected(let again) = try await errorOf({ _ = try await keyfob.completeLogin(redirect) }) else {
            throw Trouble("not redirectRejected")
        }
        #expect(again.reason == "RedirectUsed")
        #expect(try await provider.requests().isEmpty)
    }

    @Test func aRedirectWithAWrongStateIsRejectedAndSendsNothing() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let redirect = try await provider.logIn(keyfob.beginLogin("work-sso").authorizationURL)
        try await provider.forget()
        let doctored = try #require(URL(string: redirect.absoluteString.replacingOccurrences(of: "state=", with: "state=CANARY")))
        guard case .redirectRejected(let details) = try await errorOf({ _ = try await keyfob.completeLogin(doctored) }) else {
            throw Trouble("not redirectRejected")
        }
        #expect(details.reason == "StateUnknown")
        #expect(try await provider.requests().isEmpty)
    }

    @Test func aSessionThatWasEndedIsToldSoAndLeavesNoCurrentOne() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let session = try await keyfob.logIn(provider)
        try await keyfob.setCurrentSession(session.id)
        try await keyfob.endSession(session.id)
        #expect(try await keyfob.currentSession() == nil)
        #expect(try await keyfob.sessions().isEmpty)
        #expect(try await keyfob.session(session.id).state == .ended(reason: "LoggedOut"))
        guard case .loginRequired(let details) = try await errorOf({ _ = try await keyfob.accessToken(session.id) }) else {
            throw Trouble("not loginRequired")
        }
        #expect(details.reason == "LoggedOut")
        #expect(try await keyfob.journal().map(\.event) == ["TokensRevoked", "SessionEnded", "LoginCompleted", "LoginBegun"])
    }

    @Test func sessionsAreFoundByTheirUserAndListedAPageAtATime() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        var all: [String] = []
        for number in 0...4 {
            let tokens = ImportedTokens(registration: "work-sso", providerUID: "u-\(number)", refreshToken: "r")
            all.append(try await keyfob.importSession(tokens).id)
        }
        try await keyfob.endSession(all[1], EndSession(localOnly: true))
        #expect(try await keyfob.findSession("work-sso", providerUID: "u-3")?.id == all[3])
        #expect(try await keyfob.findSession("work-sso", providerUID: "u-1") == nil)
        #expect(try await keyfob.sessionsPage(limit: 2).map(\.id) == [all[0], all[2]])
        #expect(try await keyfob.sessionsPage(after: all[2], limit: 2).map(\.id) == [all[3], all[4]])
        #expect(try await keyfob.sessionsPage(after: all[4]).isEmpty)
        #expect(try await keyfob.sessionsPage() == keyfob.sessions())
        let refused: [(String?, UInt32, String)] = [
            (nil, 0, "InvalidArgument"), (nil, 1001, "InvalidArgument"), ("nobody", 2, "UnknownSession"),
        ]
        for (after, limit, reason) in refused {
            let error = try await errorOf { _ = try await keyfob.sessionsPage(after: after, limit: limit) }
            guard case .invalidArgument(let details) = error else { throw Trouble("not invalidArgument") }
            #expect(details.reason == reason)
        }
        guard case .invalidArgument(let unknown) = try await errorOf({ _ = try await keyfob.findSession("nobody's", providerUID: "u-3") })
        else { throw Trouble("not invalidArgument") }
        #expect(unknown.reason == "UnknownRegistration")
    }

    @Test func theProfileIsAskedForOnlyWhenItIsOlderThanWanted() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let session = try await keyfob.logIn(provider, LoginOptions(scopes: ["email"]))
        try await provider.forget()
        #expect(try await keyfob.profile(session.id).email == "ada@example.com")
        #expect(try await provider.requests().isEmpty)
        #expect(try await keyfob.profile(session.id, maxAge: .zero).email == "ada@example.com")
        #expect(try await provider.requests().map(\.path) == ["/userinfo"])
    }
}
