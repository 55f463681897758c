import Foundation
import Keyfob
import Testing

/// The vectors of `tests/vectors`, which every language reads: their README has the format.
@Suite final class VectorsTests: Sendable {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("keyfob-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private struct Failure: Codable, Equatable {
        let kind: String
        let number: Int32
        let reason: String

        init(_ error: KeyfobError) {
            kind = Self.name(error)
            number = error.details.number
            reason = error.details.reason
        }

        /// The kind by the name that the core has for it.
        private static func name(_ error: KeyfobError) -> String {
            switch error {
            case .invalidArgument: "InvalidArgument"
            case .invalidState: "InvalidState"
            case .configuration: "Configuration"
            case .network: "Network"
            case .timeout: "Timeout"
            case .cancelled: "Cancelled"
            case .accessDenied: "AccessDenied"
            case .redirectRejected: "RedirectRejected"
            case .oauth: "OAuth"
            case .loginRequired: "LoginRequired"
            case .badResponse: "BadResponse"
            case .tokenRejected: "TokenRejected"
            case .tls: "Tls"
            case .rateLimited: "RateLimited"
            case .refreshBusy: "RefreshBusy"
            case .storeNotWritable: "StoreNotWritable"
            case .storeUnavailable: "StoreUnavailable"
            case .storeKey: "StoreKey"
            case .storeDamaged: "StoreDamaged"
            case .storeUnsupported: "StoreUnsupported"
            case .random: "Random"
            case .internal: "Internal"
            }
        }
    }

    /// A member of a vector that is JSON again.
    private typealias Object = [String: Any]

    private func vectors(_ name: String) throws -> Object {
        let root = (0..<5).reduce(URL(fileURLWithPath: #filePath)) { url, _ in url.deletingLastPathComponent() }
        let file = root.appendingPathComponent("tests/vectors/\(name)")
        return try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? Object)
    }

    private func cases(_ vectors: Object) throws -> [Object] {
        let cases = try #require(vectors["cases"] as? [Object])
        #expect(cases.count > 3)
        return cases
    }

    private func text(_ object: Object, _ key: String) throws -> String { try #require(object[key] as? String, "\(key)") }

    private func number(_ object: Object, _ key: String) throws -> Double { try #require(object[key] as? NSNumber, "\(key)").doubleValue }

    private func json(_ value: Any) throws -> String {
        String(decoding: try JSONSerialization.data(withJSONObject: value, options: [.sortedKeys, .fragmentsAllowed]), as: UTF8.self)
    }

    private func wanted(_ object: Object) throws -> Failure? {
        guard let error = object["error"], !(error is NSNull) else { return nil }
        return try JSONDecoder().decode(Failure.self, from: JSONSerialization.data(withJSONObject: error))
    }

    private func config(_ vectors: Object, _ provider: TestProvider, _ store: String) throws -> String {
        try text(vectors, "config").replacingOccurrences(of: "{store}", with: folder.appendingPathComponent(store).path)
            .replacingOccurrences(of: "{issuer}", with: provider.issuer)
    }

    private func failure(_ call: () async throws -> Void) async throws -> Failure? {
        do {
            try await call()
            return nil
        } catch let error as KeyfobError {
            return Failure(error)
        }
    }

    @Test func configurationsAreTakenOrRefusedAsTheVectorsSay() async throws {
        for (index, it) in try cases(vectors("configuration.json")).enumerated() {
            let name = try text(it, "name")
            let store = folder.appendingPathComponent("store-\(index)").path
            let config = try text(it, "text").replacingOccurrences(of: "{store}", with: store)
            let error = try await failure { try await Keyfob.open(config).close() }
            #expect(try error == wanted(it), "\(name)")
        }
    }

    @Test func tokensAreServedOrRefreshedAsTheVectorsSay() async throws {
        let vectors = try vectors("tokens.json")
        for (index, it) in try cases(vectors).enumerated() {
            let name = try text(it, "name")
            let clock = TurnedClock()
            let provider = try TestProvider(json(try #require(it["script"])))
            let keyfob = try await Keyfob.open(config(vectors, provider, "store-\(index)"), clock: clock)
            let session = try await keyfob.logIn(provider)
            if let script = it["script_at_call"], !(script is NSNull) { try await provider.play(json(script)) }
            try await provider.forget()
            clock.turn(try number(it, "elapsed_seconds"))
            let validity = Duration.seconds(try number(it, "min_validity_seconds"))
            var token: String?
            let error = try await failure { token = try await keyfob.accessToken(session.id, minValidity: validity).secret }
            #expect(try error == wanted(it), "\(name)")
            if error == nil { #expect(try (token == session.providerAccessToken ? "same" : "new") == text(it, "token"), "\(name)") }
            #expect(try await provider.tokenRequests().count == Int(try number(it, "token_requests")), "\(name)")
        }
    }

    @Test func redirectsAreRefusedAsTheVectorsSay() async throws {
        let vectors = try vectors("redirects.json")
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(config(vectors, provider, "store"))
        let port = UInt16(try number(vectors, "redirect_port"))
        for it in try cases(vectors) {
            let name = try text(it, "name")
            let good = try await provider.logIn(keyfob.beginLogin("work-sso", LoginOptions(redirectPort: port)).authorizationURL)
            try await provider.forget()
            // As they stand there, with their percent signs.
            let items = try #require(URLComponents(url: good, resolvingAgainstBaseURL: false)?.percentEncodedQueryItems)
            let redirect = items.reduce(try text(it, "redirect")) { $0.replacingOccurrences(of: "{\($1.name)}", with: $1.value ?? "") }
            // What no URL can be made of no app has as one: the nearest that Swift makes of it is refused in the same way.
            let bad = try #require(URL(string: redirect), "\(name)")
            let error = try await failure { _ = try await keyfob.completeLogin(bad) }
            #expect(try error == wanted(it), "\(name)")
            #expect(error != nil)
            #expect(try await provider.requests().isEmpty, "\(name) sends nothing")
            let late = try await failure { _ = try await keyfob.completeLogin(good) }
            #expect((late == nil) == (it["waits"] as? Bool), "\(name)")
        }
    }

    @Test func theWholeLoginSendsTheRequestsOfTheVectors() async throws {
        let vectors = try vectors("login.json")
        let clock = TurnedClock()
        let provider = try TestProvider(json(try #require(vectors["script"])))
        let keyfob = try await Keyfob.open(config(vectors, provider, "store"), clock: clock)
        var (redirect, id, token): (URL?, String, String) = (nil, "", "")
        for step in try #require(vectors["steps"] as? [Object]) {
            var given: String?
            switch try text(step, "do") {
            case "begin_login":
                let options = try options(step)
                redirect = try await provider.logIn(keyfob.beginLogin("work-sso", options).authorizationURL)
            case "complete_login":
                let completed = try await keyfob.completeLogin(#require(redirect))
                #expect(try completed.session.providerUID == text(step, "provider_uid"))
                #expect(try completed.returnTo == text(step, "return_to"))
                #expect(try completed.appData == text(step, "app_data"))
                (id, token) = (completed.session.id, completed.session.providerAccessToken)
            case "access_token":
                given = try await keyfob.accessToken(id, minValidity: .seconds(try number(step, "min_validity_seconds"))).secret
            case "refresh_if_current": given = try await keyfob.refreshIfCurrent(id, rejectedToken: token).secret
            case "refresh_session": given = try await keyfob.refreshSession(id).providerAccessToken
            case "profile":
                let profile = try await keyfob.profile(id, maxAge: .seconds(try number(step, "max_age_seconds")))
                #expect(try profile.email == text(step, "email"))
            case "pass": clock.turn(try number(step, "seconds"))
            case "end_session": try await keyfob.endSession(id)
            case let unknown: throw Trouble("no step: \(unknown)")
            }
            if let given {
                #expect(try (given == token ? "same" : "new") == text(step, "token"), "\(step)")
                token = given
            }
        }
        let sent = try await provider.maskedRequests()
        if let out = ProcessInfo.processInfo.environment["KEYFOB_VECTORS_OUT"] {
            try sent.write(to: URL(fileURLWithPath: out).appendingPathComponent("swift.json"))
        }
        #expect(try json(JSONSerialization.jsonObject(with: sent)) == json(#require(vectors["requests"])))
    }

    private func options(_ step: Object) throws -> LoginOptions {
        LoginOptions(
            scopes: try #require(step["scopes"] as? [String]), success: try text(step, "success"), failure: try text(step, "failure"),
            redirectPort: UInt16(try number(step, "redirect_port")),
            parameters: try #require(step["parameters"] as? [[String]]).map { ($0[0], $0[1]) }, appData: try text(step, "app_data"))
    }
}
