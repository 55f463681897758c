import Foundation
import Keyfob

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// URLSession, as a host would bring it.
final class HostTransport: Transport {
    private let browser = Browser()

    func send(_ request: HTTPRequest) throws -> HTTPResponse {
        guard let url = URL(string: request.url) else { throw TransportError(sent: .notSent, failure: .network) }
        var outgoing = URLRequest(url: url, timeoutInterval: request.timeout)
        outgoing.httpMethod = request.method
        outgoing.httpBody = request.body.isEmpty ? nil : request.body
        for header in request.headers { outgoing.setValue(header.value, forHTTPHeaderField: header.name) }
        let box = Box()
        let done = DispatchSemaphore(value: 0)
        browser.sendAndCall(outgoing) {
            box.result = $0
            done.signal()
        }
        // One of Keyfob's own threads, which may block.
        done.wait()
        guard case .success((let body, let answer)) = box.result else {
            throw TransportError(sent: .unknown, failure: .network)
        }
        let headers = answer.allHeaderFields.map { (name: "\($0.key)", value: "\($0.value)") }
        return HTTPResponse(status: UInt16(answer.statusCode), headers: headers, body: body)
    }

    private final class Box: @unchecked Sendable {
        var result: Result<(Data, HTTPURLResponse), any Error>?
    }
}

/// Holds requests back once it is shut, and says when one has come.
final class Gate: Transport, @unchecked Sendable {
    private let host = HostTransport()
    private let condition = NSCondition()
    private var isShut = false
    private var isReached = false
    private let losing: String?

    /// With a path, it holds requests for that path only, and has no answer to those that it held: they never come to the provider.
    init(losing: String? = nil) {
        self.losing = losing
    }

    func shut() { condition.withLock { isShut = true } }

    func open() {
        condition.withLock {
            isShut = false
            condition.broadcast()
        }
    }

    /// Returns when a request stands before the gate.
    func reached() async throws {
        while condition.withLock({ !isReached }) {
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    func send(_ request: HTTPRequest) throws -> HTTPResponse {
        let isHeld = condition.withLock {
            guard isShut, losing.map(request.url.hasSuffix) ?? true else { return false }
            isReached = true
            while isShut { condition.wait() }
            return true
        }
        if isHeld && losing != nil { throw TransportError(sent: .unknown, failure: .network) }
        return try host.send(request)
    }
}
