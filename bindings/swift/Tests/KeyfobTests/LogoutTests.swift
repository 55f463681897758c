import Foundation
import Keyfob
import Testing

@Suite struct LogoutTests {
    private func revocations(_ provider: TestProvider) async throws -> [TestProvider.Request] {
        try await provider.requests().filter { $0.path == "/revoke" }
    }

    @Test func loggingOutRevokesTheRefreshTokenAtTheProvider() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let session = try await keyfob.logIn(provider)
        guard case .done = try await keyfob.endSession(session.id).revocation else { throw Trouble("not done") }
        let requests = try await revocations(provider)
        #expect(requests.map { $0.form["token"] } == [session.providerRefreshToken])
        #expect(requests.first?.form["token_type_hint"] == "refresh_token")
        guard case .notAsked = try await keyfob.endSession(session.id).revocation else { throw Trouble("nothing is left to revoke") }
        #expect(try await revocations(provider).count == 1)
    }

    @Test func aRevocationThatIsTurnedAwayIsOwedAndTheSessionHasEndedAllTheSame() async throws {
        let provider = try TestProvider(#"{ "faults": [ { "endpoint": "revoke", "status": 503 } ] }"#)
        let keyfob = try await Keyfob.open(provider.config)
        let session = try await keyfob.logIn(provider)
        guard case .owed(.network(let details)) = try await keyfob.endSession(session.id).revocation else {
            throw Trouble("not owed for the network")
        }
        #expect(details.reason == "ProviderUnavailable")
        #expect(details.httpStatus == 503)
        #expect(try await revocations(provider).count == 1)
        #expect(try await keyfob.currentSession() == nil)
        guard case .loginRequired = try await errorOf({ _ = try await keyfob.accessToken(session.id) }) else {
            throw Trouble("not loginRequired")
        }
    }

    @Test func aProviderWithoutRevocationIsTold() async throws {
        let fault = #"{ "endpoint": "revoke", "status": 400, "body": { "error": "unsupported_token_type" } }"#
        let provider = try TestProvider("{ \"faults\": [ \(fault) ] }")
        let keyfob = try await Keyfob.open(provider.config)
        let ended = try await keyfob.endSession(keyfob.logIn(provider).id)
        guard case .notSupported = ended.revocation else { throw Trouble("not notSupported: \(ended)") }
    }

    @Test func aLocalLogoutSendsNothing() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let session = try await keyfob.logIn(provider)
        try await provider.forget()
        let ended = try await keyfob.endSession(session.id, EndSession(localOnly: true))
        guard case .notAsked = ended.revocation else { throw Trouble("not notAsked: \(ended)") }
        #expect(ended.logoutURL != nil, "from the metadata that is there")
        #expect(try await provider.requests().isEmpty)
        #expect(try await keyfob.session(session.id).state == .ended(reason: "LoggedOut"))
    }

    @Test func theLogoutURLCarriesWhatTheProviderNeeds() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let session = try await keyfob.logIn(provider)
        let options = EndSession(postLogoutRedirectURI: "com.example.notes:/bye?a=b")
        let url = try #require(try await keyfob.endSession(session.id, options).logoutURL)
        #expect(url.absoluteString.hasPrefix("\(provider.issuer)/logout?"))
        let items = URLComponents(url: url, resolvingAgainstBaseURL: false)?.queryItems ?? []
        #expect(items.map(\.name) == ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"])
        #expect(items.dropLast().map(\.value) == [session.idToken, "demo", "com.example.notes:/bye?a=b"])

        let state = try #require(items.last?.value)
        let back = try await keyfob.completeLogout(URL(string: "com.example.notes:/bye?a=b&state=\(state)")!)
        #expect(back.sessionID == session.id && back.registration == "work-sso")
    }

    @Test func theBrowserComesBackFromTheProvidersPage() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let session = try await keyfob.logIn(provider)
        let options = EndSession(postLogoutRedirectURI: "http://127.0.0.1/signed-out")
        let page = try #require(try await keyfob.endSession(session.id, options).logoutURL)
        let redirect = try await provider.open(page)
        #expect(try await keyfob.completeLogout(redirect).sessionID == session.id)
        try await provider.forget()
        for wrong in ["http://127.0.0.1/signed-out", "http://127.0.0.1/signed-out?state=CANARY"] {
            do {
                try await keyfob.completeLogout(URL(string: wrong)!)
                Issue.record("\(wrong) was taken")
            } catch KeyfobError.redirectRejected(let details) {
                #expect(details.reason == "LogoutStateMismatch" && !"\(details)".contains("CANARY"))
            }
        }
        #expect(try await provider.requests().isEmpty)
    }
}
