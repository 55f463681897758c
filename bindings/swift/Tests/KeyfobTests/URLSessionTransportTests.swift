import Foundation
import Testing

@testable import Keyfob

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// A socket that takes connections and does with them what a test wants.
private final class Listener: @unchecked Sendable {
    let port: UInt16
    private let socket: Int32
    private let lock = NSLock()
    private let isOver = DispatchSemaphore(value: 0)
    private var isStopped = false
    private var read: [String] = []

    /// Answers each connection with the text once its request is there; never, where there is none.
    init(answering answer: String?) throws {
        #if canImport(Glibc)
        let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
        let descriptor = Darwin.socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { plain in
                bind(descriptor, plain, length) == 0 && listen(descriptor, 8) == 0 && getsockname(descriptor, plain, &length) == 0
            }
        }
        guard bound else { throw Trouble("cannot listen") }
        (socket, port) = (descriptor, UInt16(bigEndian: address.sin_port))
        Thread.detachNewThread { [self] in
            var clients: [Int32] = []
            while isReady(socket) {
                let client = accept(socket, nil, nil)
                guard client >= 0 else { continue }
                serve(client, answer)
                if answer == nil { clients.append(client) } else { close(client) }
            }
            for descriptor in clients + [socket] { close(descriptor) }
            isOver.signal()
        }
    }

    var requests: [String] { lock.withLock { read } }

    var url: String { "http://127.0.0.1:\(port)/token" }

    /// Waits for something to read, or to take; false once it is to stop.
    private func isReady(_ descriptor: Int32) -> Bool {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        while !lock.withLock({ isStopped }) {
            if poll(&waiting, 1, 20) > 0 { return true }
        }
        return false
    }

    private func serve(_ client: Int32, _ answer: String?) {
        var text = Data()
        var buffer = [UInt8](repeating: 0, count: 4096)
        // The bodies here end so.
        while !text.suffix(3).elementsEqual(Data("END".utf8)), isReady(client) {
            let count = recv(client, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            text.append(contentsOf: buffer[0..<count])
        }
        lock.withLock { read.append(String(decoding: text, as: UTF8.self)) }
        guard let answer else { return }
        let bytes = Array(answer.utf8)
        _ = send(client, bytes, bytes.count, 0)
    }

    /// Its thread closes the socket, and nobody else: the number of a closed one is soon another listener's, and a thread that had not
    /// yet looked away would take the connections that are meant for that one.
    func stop() {
        lock.withLock { isStopped = true }
        isOver.wait()
    }
}

/// The transport over URLSession, at real servers.
@Suite struct URLSessionTransportTests {
    private let transport = URLSessionTransport()

    private func post(_ url: String, timeout: TimeInterval = 120, maxBodyBytes: UInt64 = 1 << 20) -> HTTPRequest {
        HTTPRequest(
            method: "POST", url: url, headers: [("Content-Type", "application/x-www-form-urlencoded"), ("X-Test", "yes")],
            body: Data("grant_type=refresh_token&END".utf8), timeout: timeout, maxBodyBytes: maxBodyBytes)
    }

    /// What it throws, where it may block.
    private func failure(_ request: HTTPRequest) async throws -> TransportError {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [transport] in
                do {
                    continuation.resume(throwing: Trouble("an answer: \(try transport.send(request))"))
                } catch let error as TransportError {
                    continuation.resume(returning: error)
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }

    private func answer(_ request: HTTPRequest) async throws -> HTTPResponse {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [transport] in continuation.resume(with: Result { try transport.send(request) }) }
        }
    }

    @Test func aWholeLoginARefreshAndALogoutGoOverIt() async throws {
        let provider = try TestProvider()
        let keyfob = try await Keyfob.open(provider.config, transport: transport)
        let session = try await keyfob.logIn(provider, LoginOptions(scopes: ["email"]))
        #expect(session.profile.email == "ada@example.com")
        try await keyfob.refreshSession(session.id)
        guard case .done = try await keyfob.endSession(session.id).revocation else { throw Trouble("not revoked") }
        let requests = try await provider.requests()
        #expect(requests.filter { $0.path == "/token" }.map(\.grantType) == ["authorization_code", "refresh_token"])
        #expect(requests.filter { $0.path == "/revoke" }.count == 1)
    }

    @Test func aRequestIsSentAsItIsOnAConnectionOfItsOwnAndOnce() async throws {
        let server = try Listener(answering: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Answer: 1\r\nConnection: close\r\n\r\nhi")
        defer { server.stop() }
        let answer = try await answer(post(server.url))
        #expect(answer.status == 200)
        #expect(answer.body == Data("hi".utf8))
        #expect(answer.headers.contains { $0.name.lowercased() == "x-answer" && $0.value == "1" })
        let sent = try #require(server.requests.first)
        #expect(server.requests.count == 1)
        #expect(sent.hasPrefix("POST /token HTTP/1.1\r\n"))
        #expect(sent.lowercased().contains("x-test: yes\r\n"))
        #expect(sent.lowercased().contains("accept-encoding: identity\r\n"))
        #expect(sent.lowercased().contains("content-type: application/x-www-form-urlencoded\r\n"))
        #expect(sent.lowercased().contains("cookie") == false)
        #expect(sent.hasSuffix("\r\n\r\ngrant_type=refresh_token&END"))
    }

    @Test func aRedirectIsAnAnswer() async throws {
        let elsewhere = try Listener(answering: nil)
        let text = "HTTP/1.1 307 Go\r\nLocation: \(elsewhere.url)\r\nContent-Length: 4\r\nConnection: close\r\n\r\ngone"
        let server = try Listener(answering: text)
        defer { server.stop() }
        #expect(try await answer(post(server.url)).status == 307)
        #expect(elsewhere.requests.isEmpty)
        elsewhere.stop()
    }

    @Test func aRefusedClientIsAnAnswerAndIsNotAskedAgain() async throws {
        let challenge = "WWW-Authenticate: Basic realm=\"x\"\r\n"
        let server = try Listener(answering: "HTTP/1.1 401 No\r\n\(challenge)Content-Length: 2\r\nConnection: close\r\n\r\n{}")
        defer { server.stop() }
        let answer = try await answer(post(server.url))
        #expect(answer.status == 401)
        #expect(answer.body == Data("{}".utf8))
        #expect(server.requests.count == 1)
    }

    @Test func anAnswerThatIsTooLongIsGivenUp() async throws {
        let body = String(repeating: "x", count: 1000)
        let server = try Listener(answering: "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n\(body)")
        defer { server.stop() }
        #expect(try await failure(post(server.url, maxBodyBytes: 999)) == TransportError(sent: .unknown, failure: .answer))
        #expect(try await answer(post(server.url, maxBodyBytes: 1000)).body.count == 1000)
    }

    @Test func aServerThatNeverAnswersMayHaveActed() async throws {
        let server = try Listener(answering: nil)
        defer { server.stop() }
        #expect(try await failure(post(server.url, timeout: 3)) == TransportError(sent: .unknown, failure: .timeout))
        #expect(server.requests.count <= 1, "it was not sent again")
    }

    @Test func aServerThatHangsUpMayHaveActed() async throws {
        let server = try Listener(answering: "")
        defer { server.stop() }
        #expect(try await failure(post(server.url)) == TransportError(sent: .unknown, failure: .network))
        #expect(server.requests.count == 1, "it was not sent again")
    }

    @Test func nobodyThereMeansNothingWasSent() async throws {
        let server = try Listener(answering: nil)
        server.stop()
        #expect(try await failure(post(server.url)) == TransportError(sent: .notSent, failure: .network))
        #expect(try await failure(post("http://no-such-host.invalid/token")) == TransportError(sent: .notSent, failure: .network))
        #expect(try await failure(post("")) == TransportError(sent: .notSent, failure: .network))
    }

    @Test func aCertificateOfNobodyThatIsTrustedIsRefused() async throws {
        let provider = try TestProvider(tls: true)
        let error = try await failure(post("\(provider.issuer)/token"))
        #if canImport(Darwin)
        #expect(error == TransportError(sent: .notSent, failure: .certificate))
        #else
        // It is refused, but the system has no name for that.
        #expect(error == TransportError(sent: .unknown, failure: .network))
        #endif
    }

    @Test func whatTheSystemSaysIsReadByItsCode() {
        func read(_ code: URLError.Code, _ hasBegun: Bool? = nil) -> TransportError { TransportError(URLError(code), hasBegun: hasBegun) }
        for code in [URLError.Code.cannotFindHost, .dnsLookupFailed, .cannotConnectToHost, .notConnectedToInternet, .dataNotAllowed] {
            #expect(read(code) == TransportError(sent: .notSent, failure: .network))
            #expect(read(code, true) == TransportError(sent: .unknown, failure: .network), "what it saw counts more than the code")
        }
        #expect(read(.networkConnectionLost) == TransportError(sent: .unknown, failure: .network))
        #expect(read(.networkConnectionLost, false) == TransportError(sent: .notSent, failure: .network))
        #expect(read(.timedOut) == TransportError(sent: .unknown, failure: .timeout))
        #expect(read(.timedOut, false) == TransportError(sent: .notSent, failure: .timeout))
        #expect(read(.serverCertificateHasBadDate) == TransportError(sent: .notSent, failure: .certificateExpired))
        #expect(read(.serverCertificateNotYetValid) == TransportError(sent: .notSent, failure: .certificateNotYetValid))
        #expect(read(.serverCertificateHasUnknownRoot) == TransportError(sent: .notSent, failure: .certificateUnknownIssuer))
        #expect(read(.serverCertificateUntrusted) == TransportError(sent: .notSent, failure: .certificate))
        #expect(read(.secureConnectionFailed) == TransportError(sent: .unknown, failure: .tls))
        #expect(read(.cannotParseResponse) == TransportError(sent: .unknown, failure: .answer))
        let proxy = NSError(domain: "kCFErrorDomainCFNetwork", code: 310)
        #expect(TransportError(proxy, hasBegun: nil) == TransportError(sent: .notSent, failure: .proxy))
        #expect(TransportError(proxy, hasBegun: true) == TransportError(sent: .unknown, failure: .proxy))
        #expect(TransportError(Trouble("x"), hasBegun: nil) == TransportError(sent: .unknown, failure: .network))
    }
}
