import Foundation
import Testing

@testable import Keyfob

/// Every kind of error, as an app meets it. `refreshBusy` and `storeNotWritable` take another process: ``ProcessDeathTests``.
@Suite struct ErrorKindTests {
    private struct Failing: Transport {
        let failure: TransportError.Failure

        func send(_ request: HTTPRequest) throws -> HTTPResponse { throw TransportError(sent: .notSent, failure: failure) }
    }

    private struct Answering: StoreKeySource {
        let answer: StoreKeyAnswer

        func storeKey(_ wanted: WantedKey) throws -> StoreKeyAnswer { answer }
    }

    private func name(_ error: KeyfobError) -> String {
        switch error {
        case .invalidArgument: "invalidArgument"
        case .invalidState: "invalidState"
        case .configuration: "configuration"
        case .network: "network"
        case .timeout: "timeout"
        case .cancelled: "cancelled"
        case .accessDenied: "accessDenied"
        case .redirectRejected: "redirectRejected"
        case .oauth: "oauth"
        case .loginRequired: "loginRequired"
        case .badResponse: "badResponse"
        case .tokenRejected: "tokenRejected"
        case .tls: "tls"
        case .rateLimited: "rateLimited"
        case .refreshBusy: "refreshBusy"
        case .storeNotWritable: "storeNotWritable"
        case .storeUnavailable: "storeUnavailable"
        case .storeKey: "storeKey"
        case .storeDamaged: "storeDamaged"
        case .storeUnsupported: "storeUnsupported"
        case .random: "random"
        case .internal: "internal"
        }
    }

    private func see(_ kind: String, _ number: Int32, _ call: () async throws -> Void) async throws {
        let error = try await errorOf(call)
        #expect("\(name(error)) \(error.details.number)" == "\(kind) \(number)", "\(error)")
        #expect((error as NSError).domain == "dev.keyfob" && (error as NSError).code == Int(number))
        #expect(error.localizedDescription == error.details.summary && !error.details.reason.isEmpty)
    }

    @Test func ofCallsAndOfConfigurations() async throws {
        let provider = try TestProvider()
        try await see("invalidArgument", 1) { _ = try StoreKey(Data()) }
        let closed = try await Keyfob.open(provider.config)
        try closed.close()
        try await see("invalidState", 2) { _ = try await closed.sessions() }
        try await see("configuration", 3) { _ = try await Keyfob.open("{}") }
    }

    @Test func ofTheNetwork() async throws {
        let provider = try TestProvider()
        for (failure, kind, number) in [(TransportError.Failure.network, "network", 4), (.timeout, "timeout", 5), (.tls, "tls", 13)] {
            let keyfob = try await Keyfob.open(provider.config, transport: Failing(failure: failure))
            try await see(kind, Int32(number)) { _ = try await keyfob.beginLogin("work-sso") }
        }
    }

    @Test func ofALogin() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let control = try LoginControl()
        control.cancel()
        try await see("cancelled", 6) { _ = try await keyfob.loginOnAnotherDevice("work-sso", control: control) { _ in } }
        let options = LoginOptions(redirectPort: 4100)
        let denied = try await provider.refuse(keyfob.beginLogin("work-sso", options).authorizationURL)
        try await see("accessDenied", 7) { _ = try await keyfob.completeLogin(denied) }
        let stale = try #require(URL(string: "http://127.0.0.1:4100/callback/work-sso?code=x&state=y"))
        try await see("redirectRejected", 8) { _ = try await keyfob.completeLogin(stale) }
        try await provider.play(#"{ "tamper": { "id_token": { "append": { "nonce": "1" } } } }"#)
        let forged = try await provider.logIn(keyfob.beginLogin("work-sso", options).authorizationURL)
        try await see("tokenRejected", 12) { _ = try await keyfob.completeLogin(forged) }
    }

    @Test(arguments: [
        ("oauth", 9, 400, #"{ "error": "invalid_scope" }"#), ("badResponse", 11, 400, #"{ "message": "x" }"#),
        ("loginRequired", 10, 400, #"{ "error": "invalid_grant" }"#), ("rateLimited", 14, 429, "{}"),
    ])
    func ofARefresh(_ kind: String, _ number: Int32, _ status: Int, _ body: String) async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config)
        let session = try await keyfob.logIn(provider)
        try await provider.play(#"{ "faults": [ { "endpoint": "token", "status": \#(status), "body": \#(body) } ] }"#)
        try await see(kind, number) { try await keyfob.refreshSession(session.id) }
    }

    @Test func ofTheStore() async throws {
        let provider = try TestProvider()
        let sealed = provider.config.replacingOccurrences(of: ", \"plaintext\": true", with: "")
        let first = try await Keyfob.open(sealed, storeKey: StoreKey.generate())
        let session = try await first.importSession(ImportedTokens(registration: "work-sso", providerUID: "u-1", accessToken: "token"))
        try first.close()
        let locked = try await Keyfob.open(sealed, storeKey: Answering(answer: .notNow))
        try await see("storeUnavailable", 17) { _ = try await locked.session(session.id) }
        try locked.close()
        try await see("storeKey", 18) { _ = try await Keyfob.open(sealed, storeKey: StoreKey.generate()) }

        // Damaged, while somebody else (this test, by the same lock) has it open.
        let store = provider.folder.appendingPathComponent("store")
        try Data(repeating: 7, count: 8192).write(to: store.appendingPathComponent("keyfob.db"))
        let lock = open(store.appendingPathComponent("keyfob.lock").path, O_RDWR)
        #expect(flock(lock, LOCK_SH) == 0)
        try await see("storeDamaged", 19) { _ = try await Keyfob.open(sealed, storeKey: StoreKey.generate()) }
        close(lock)

        let link = provider.folder.appendingPathComponent("link")
        try FileManager.default.createSymbolicLink(at: link, withDestinationURL: store)
        let linked = sealed.replacingOccurrences(of: store.path, with: link.path)
        try await see("storeUnsupported", 20) { _ = try await Keyfob.open(linked, storeKey: StoreKey.generate()) }
    }

    @Test func eachKindOfTheLibraryIsACaseOfItsOwn() {
        let all: [(RawErrorInfo) -> RawError] = [
            RawError.InvalidArgument, RawError.InvalidState, RawError.Configuration, RawError.Network, RawError.Timeout, RawError.Cancelled,
            RawError.AccessDenied, RawError.RedirectRejected, RawError.OAuth, RawError.LoginRequired, RawError.BadResponse,
            RawError.TokenRejected, RawError.Tls, RawError.RateLimited, RawError.RefreshBusy, RawError.StoreNotWritable,
            RawError.StoreUnavailable, RawError.StoreKey, RawError.StoreDamaged, RawError.StoreUnsupported, RawError.Random,
            RawError.Internal,
        ]
        for (index, raw) in all.enumerated() {
            let info = RawErrorInfo(
                number: Int32(index), reason: "R\(index)", summary: "S", detail: "D", oauthCode: "c", oauthDescription: "d", oauthUri: "u",
                httpStatus: 418, retryAfter: 2.5, returnTo: "app:/login", retryable: true)
            let error = KeyfobError(raw(info))
            let details = error.details
            #expect(details.number == Int32(index) && details.reason == "R\(index)" && details.detail == "D")
            #expect(details.oauth == OAuthError(code: "c", text: "d", uri: "u") && details.httpStatus == 418)
            #expect(details.retryAfter == 2.5 && details.returnTo == "app:/login" && details.isRetryable)
        }
        let names = all.map { raw in
            name(
                KeyfobError(
                    raw(
                        RawErrorInfo(
                            number: 0, reason: "", summary: "", detail: nil, oauthCode: nil, oauthDescription: nil, oauthUri: nil,
                            httpStatus: nil, retryAfter: nil, returnTo: nil, retryable: false))))
        }
        #expect(names.count == 22 && Set(names).count == 22)
        #expect(KeyfobError.panicked.details.number == 99)
    }
}
