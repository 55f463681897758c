import Foundation
internal import KeyfobGenerated

/// Sends HTTP requests in place of the built-in client, for instance over the platform's trust store and proxy.
///
/// The rules: send **once**, never repeat by yourself; follow **no** redirect; do not decompress; no cookies, no cache; obey the request's
/// limits. Called on several of Keyfob's own threads at once, where it may block as long as it takes; do not call the same ``Keyfob``.
public protocol Transport: Sendable {
    /// Sends one request and waits for the whole answer. A bad status is an answer, not a failure.
    ///
    /// Throws ``TransportError`` when there is no answer. Anything else that is thrown counts as ``TransportError/Sent/unknown``, and
    /// what it says is dropped.
    func send(_ request: HTTPRequest) throws -> HTTPResponse
}

/// A header: its name and its value.
public typealias HTTPHeader = (name: String, value: String)

/// A request for a ``Transport`` to send.
public struct HTTPRequest: Sendable {
    /// `GET`, `POST` or `DELETE`.
    public let method: String

    /// The absolute URL. May hold secrets in its query: do not log it.
    public let url: String

    /// The headers, in order. May hold secrets.
    public let headers: [HTTPHeader]

    /// The body, empty for a GET. May hold secrets.
    public let body: Data

    /// How many seconds connecting may take.
    public let connectTimeout: TimeInterval

    /// How many seconds the whole request may take.
    public let timeout: TimeInterval

    /// How many bytes of the answer's body are wanted at most; a longer one is a ``TransportError/Failure/answer``.
    public let maxBodyBytes: UInt64

    /// What may be printed.
    public let description: String

    /// A request, for an app's tests of its own transport.
    public init(
        method: String,
        url: String,
        headers: [HTTPHeader] = [],
        body: Data = Data(),
        connectTimeout: TimeInterval = 10,
        timeout: TimeInterval = 30,
        maxBodyBytes: UInt64 = 1 << 20
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.connectTimeout = connectTimeout
        self.timeout = timeout
        self.maxBodyBytes = maxBodyBytes
        description = "HttpRequest(\(method))"
    }

    init(_ raw: RawHTTPRequest) {
        method =
            switch raw.method {
            case .delete: "DELETE"
            case .get: "GET"
            case .post: "POST"
            }
        url = raw.url
        headers = raw.headers.map { ($0.name, $0.value) }
        body = raw.body
        connectTimeout = raw.connectTimeout
        timeout = raw.timeout
        maxBodyBytes = raw.maxBodyBytes
        description = raw.description
    }
}

extension HTTPRequest: Redacted {}

/// The answer to a request.
public struct HTTPResponse: Sendable {
    /// The status, 100 to 599.
    public var status: UInt16

    /// The headers.
    public var headers: [HTTPHeader]

    /// The body, as it came.
    public var body: Data

    /// An answer.
    public init(status: UInt16, headers: [HTTPHeader], body: Data) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

extension HTTPResponse: Redacted {
    /// Without headers and body.
    public var description: String { "HTTPResponse(\(status), \(body.count) bytes)" }
}

/// Thrown by a ``Transport`` that has no answer. It carries no words: those of an HTTP client hold URLs.
public struct TransportError: Error, Sendable, Equatable {
    /// Whether a request that got no answer may have reached the provider.
    public enum Sent: Sendable {
        /// No byte of the request left this machine: it may be repeated.
        case notSent
        /// Nobody knows: the provider may have acted on it. When in doubt, this.
        case unknown
    }

    /// What kept a request from being answered.
    public enum Failure: Sendable {
        /// The answer was longer than asked for, or not HTTP.
        case answer
        /// The name was not found, no connection came about, or it broke.
        case network
        /// A time limit passed.
        case timeout
        /// TLS refused the certificate, for a reason that has no name below.
        case certificate
        /// The certificate is expired.
        case certificateExpired
        /// The certificate is not yet valid.
        case certificateNotYetValid
        /// The certificate was revoked.
        case certificateRevoked
        /// Nobody who is trusted has signed the certificate.
        case certificateUnknownIssuer
        /// The certificate is for another host.
        case certificateWrongHost
        /// The proxy could not be reached, or did not let the connection through.
        case proxy
        /// TLS failed for another reason.
        case tls
    }

    /// Whether bytes may have left.
    public let sent: Sent

    /// What happened.
    public let failure: Failure

    /// A failure.
    public init(sent: Sent, failure: Failure) {
        self.sent = sent
        self.failure = failure
    }
}

final class TransportAdapter: RawTransport {
    private let host: any Transport

    init(_ host: any Transport) {
        self.host = host
    }

    func send(request: RawHTTPRequest) throws -> RawHTTPResponse {
        do {
            let answer = try host.send(HTTPRequest(request))
            let headers = answer.headers.map { RawHeader(name: $0.name, value: $0.value) }
            return RawHTTPResponse(status: answer.status, headers: headers, body: answer.body)
        } catch let error as TransportError {
            throw RawTransportError.Failed(sent: error.sent.raw, failure: error.failure.raw)
        }
    }
}

extension TransportError.Sent {
    fileprivate var raw: RawSent {
        switch self {
        case .notSent: .notSent
        case .unknown: .unknown
        }
    }
}

extension TransportError.Failure {
    fileprivate var raw: RawTransportFailure {
        switch self {
        case .answer: .answer
        case .network: .network
        case .timeout: .timeout
        case .certificate: .certificate
        case .certificateExpired: .certificateExpired
        case .certificateNotYetValid: .certificateNotYetValid
        case .certificateRevoked: .certificateRevoked
        case .certificateUnknownIssuer: .certificateUnknownIssuer
        case .certificateWrongHost: .certificateWrongHost
        case .proxy: .proxy
        case .tls: .tls
        }
    }
}
