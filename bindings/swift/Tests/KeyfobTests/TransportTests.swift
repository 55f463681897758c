import Foundation
import Keyfob
import Testing

/// URLSession, and what was printed of its requests and answers.
private final class Printing: Transport, @unchecked Sendable {
    private let host = HostTransport()
    private let lock = NSLock()
    private var seen: [String] = []

    var printed: [String] { lock.withLock { seen } }

    func send(_ request: HTTPRequest) throws -> HTTPResponse {
        let response = try host.send(request)
        lock.withLock { seen.append("\(request) \(response)") }
        return response
    }
}

/// A transport that has no answer.
private struct Throwing: Transport {
    let error: any Error

    func send(_ request: HTTPRequest) throws -> HTTPResponse { throw error }
}

@Suite struct TransportTests {
    @Test func everyRequestGoesThroughTheHostsTransport() async throws {
        let provider = try TestProvider()
        let host = Printing()
        let keyfob = try await Keyfob.open(provider.config, transport: host)
        let session = try await keyfob.logIn(provider, LoginOptions(scopes: ["email"]))
        #expect(session.profile.email == "ada@example.com")
        try await keyfob.refreshSession(session.id)
        let printed = host.printed.joined(separator: "\n")
        #expect(printed.contains("HttpRequest(Get \(provider.issuer)/.well-known/openid-configuration) HTTPResponse(200"))
        #expect(printed.contains("HttpRequest(Post \(provider.issuer)/token) HTTPResponse(200"))
    }

    private func refused(_ error: any Error) async throws -> KeyfobError {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config, transport: Throwing(error: error))
        let refused = try await errorOf { _ = try await keyfob.beginLogin("work-sso") }
        #expect(try await provider.requests().isEmpty)
        return refused
    }

    @Test func aTransportThatThrowsWhateverIsANetworkErrorWithoutItsWords() async throws {
        let error = try await refused(Trouble("CANARY https://idp.example/?code=CANARY"))
        guard case .network(let details) = error else { throw Trouble("not network: \(error)") }
        #expect(details.reason == "InDoubt")
        #expect(details.isRetryable)
        #expect("\(error) \(String(reflecting: error)) \(error.localizedDescription)".contains("CANARY") == false)
    }

    @Test func aTransportThatSaysWhatHappenedIsBelieved() async throws {
        func reason(_ sent: TransportError.Sent, _ failure: TransportError.Failure) async throws -> String {
            try await refused(TransportError(sent: sent, failure: failure)).details.reason
        }
        #expect(try await reason(.notSent, .network) == "NotSent")
        #expect(try await reason(.unknown, .network) == "InDoubt")
        #expect(try await reason(.notSent, .timeout) == "ConnectTimeout")
        #expect(try await reason(.notSent, .certificate) == "TlsCertificate")
        #expect(try await reason(.notSent, .certificateExpired) == "TlsExpired")
        #expect(try await reason(.notSent, .certificateNotYetValid) == "TlsNotYetValid")
        #expect(try await reason(.notSent, .certificateRevoked) == "TlsRevoked")
        #expect(try await reason(.notSent, .certificateUnknownIssuer) == "TlsUnknownIssuer")
        #expect(try await reason(.notSent, .certificateWrongHost) == "TlsWrongHost")
        #expect(try await reason(.notSent, .proxy) == "Proxy")
        #expect(try await reason(.notSent, .tls) == "TlsHandshake")
        #expect(try await reason(.unknown, .answer) == "ResponseTooLarge")
    }
}
