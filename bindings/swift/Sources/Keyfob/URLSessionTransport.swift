import Foundation

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Sends requests over `URLSession`: the system's trust store, its proxy and VPN settings, and App Transport Security hold for them. Give it to
/// ``Keyfob/open(_:transport:clock:executor:observer:storeKey:deviceBinding:)`` in place of the built-in client.
///
/// Each request has a session, and so a connection, of its own. `URLSession` sends a request again by itself when a connection that it had kept breaks;
/// on a new one there is nothing to repeat, so no refresh token goes out twice unseen. It has no limit for connecting alone: the limit of
/// the whole request holds for that.
public final class URLSessionTransport: Transport, @unchecked Sendable {
    private let configuration: URLSessionConfiguration

    /// With a configuration of the app's, for its proxies or its oldest TLS version; it is copied. Cookies, caches, kept credentials and waiting
    /// for a network are switched off whatever it says. Not one for background transfers.
    public init(configuration: URLSessionConfiguration = .ephemeral) {
        let own = configuration.copy() as? URLSessionConfiguration ?? .ephemeral
        own.httpCookieStorage = nil
        own.httpShouldSetCookies = false
        own.httpCookieAcceptPolicy = .never
        own.urlCache = nil
        own.urlCredentialStorage = nil
        own.requestCachePolicy = .reloadIgnoringLocalCacheData
        #if canImport(Darwin)
        own.waitsForConnectivity = false
        #endif
        self.configuration = own
    }

    public func send(_ request: HTTPRequest) throws -> HTTPResponse {
        guard let url = URL(string: request.url) else { throw TransportError(sent: .notSent, failure: .network) }
        var outgoing = URLRequest(url: url, cachePolicy: .reloadIgnoringLocalCacheData, timeoutInterval: request.timeout)
        outgoing.httpMethod = request.method
        outgoing.httpBody = request.body.isEmpty ? nil : request.body
        // Before the others, so that theirs counts: an answer that comes as it is needs no unpacking.
        outgoing.setValue("identity", forHTTPHeaderField: "Accept-Encoding")
        for header in request.headers { outgoing.setValue(header.value, forHTTPHeaderField: header.name) }

        let call = Call(maxBodyBytes: request.maxBodyBytes)
        let session = URLSession(configuration: configuration, delegate: call, delegateQueue: nil)
        // The session holds its delegate, and lives, until it is told that this is all.
        defer { session.finishTasksAndInvalidate() }
        let task = session.dataTask(with: outgoing)
        task.resume()
        return try call.answer(within: request.timeout, of: task)
    }
}

/// One request on its way.
private final class Call: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    /// How long a task may take to end that was told to.
    private static let grace: TimeInterval = 5

    private let maxBodyBytes: UInt64
    private let isOver = DispatchSemaphore(value: 0)
    private let lock = NSLock()
    private var body = Data()
    private var isTooLong = false
    private var outcome: (any Error)?
    /// The 401 that a challenge came with. Where it is rejected swift-corelibs-foundation ends the task as cancelled; Apple's gives the answer.
    private var refused: HTTPURLResponse?
    /// Whether the request itself was begun, after all of connecting; nil where the system does not tell.
    private var hasBegun: Bool?

    init(maxBodyBytes: UInt64) {
        self.maxBodyBytes = maxBodyBytes
    }

    func answer(within limit: TimeInterval, of task: URLSessionTask) throws -> HTTPResponse {
        guard isOver.wait(timeout: .now() + limit) == .success else {
            task.cancel()
            _ = isOver.wait(timeout: .now() + Self.grace)
            throw lock.withLock { TransportError(sent: hasBegun == false ? .notSent : .unknown, failure: .timeout) }
        }
        return try lock.withLock {
            if isTooLong { throw TransportError(sent: .unknown, failure: .answer) }
            if let outcome, refused == nil { throw TransportError(outcome, hasBegun: hasBegun) }
            guard let answer = task.response as? HTTPURLResponse ?? refused, let status = UInt16(exactly: answer.statusCode) else {
                throw TransportError(sent: .unknown, failure: .answer)
            }
            let headers = answer.allHeaderFields.map { (name: "\($0.key)", value: "\($0.value)") }
            return HTTPResponse(status: status, headers: headers, body: body)
        }
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let isTooLong = lock.withLock {
            self.isTooLong = self.isTooLong || UInt64(body.count) + UInt64(data.count) > maxBodyBytes
            if !self.isTooLong { body.append(data) }
            return self.isTooLong
        }
        if isTooLong { dataTask.cancel() }
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        lock.withLock { outcome = error }
        isOver.signal()
    }

    /// A redirect is an answer.
    func urlSession(
        _ session: URLSession,
        task: URLSessionTask,
        willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest,
        completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }

    /// A 401 is an answer too, and nobody's password: to give one would send the request again. TLS and proxies are the system's matter.
    func urlSession(
        _ session: URLSession,
        task: URLSessionTask,
        didReceive challenge: URLAuthenticationChallenge,
        completionHandler: @escaping @Sendable (URLSession.AuthChallengeDisposition, URLCredential?) -> Void
    ) {
        let space = challenge.protectionSpace
        let ofTheServer = [
            NSURLAuthenticationMethodDefault, NSURLAuthenticationMethodHTTPBasic, NSURLAuthenticationMethodHTTPDigest,
            NSURLAuthenticationMethodNTLM, NSURLAuthenticationMethodNegotiate, NSURLAuthenticationMethodHTMLForm,
        ]
        guard !space.isProxy(), ofTheServer.contains(space.authenticationMethod) else {
            completionHandler(.performDefaultHandling, nil)
            return
        }
        lock.withLock { refused = challenge.failureResponse as? HTTPURLResponse }
        completionHandler(.rejectProtectionSpace, nil)
    }

    #if canImport(Darwin)
    func urlSession(_ session: URLSession, task: URLSessionTask, didFinishCollecting metrics: URLSessionTaskMetrics) {
        lock.withLock { hasBegun = metrics.transactionMetrics.contains { $0.requestStartDate != nil } }
    }
    #endif
}

extension TransportError {
    /// What went wrong before a byte of the request could leave, whatever else is known of it.
    private static let beforeSending: Set<URLError.Code> = [
        .badURL, .unsupportedURL, .cannotFindHost, .dnsLookupFailed, .cannotConnectToHost, .notConnectedToInternet,
        .internationalRoamingOff, .callIsActive, .dataNotAllowed, .appTransportSecurityRequiresSecureConnection,
        .serverCertificateHasBadDate, .serverCertificateNotYetValid, .serverCertificateUntrusted, .serverCertificateHasUnknownRoot,
    ]

    /// CFNetwork's own errors of a proxy that could not be reached, or would not connect: `kCFErrorHTTPProxyConnectionFailure` and its neighbours.
    private static let proxies = 306...311

    /// From what `URLSession` says. `hasBegun`: whether the request itself was begun, nil where that is not known.
    init(_ error: any Error, hasBegun: Bool?) {
        let plain = error as NSError
        if plain.domain != NSURLErrorDomain, Self.proxies.contains(plain.code) {
            self.init(sent: hasBegun == true ? .unknown : .notSent, failure: .proxy)
            return
        }
        let code = (error as? URLError)?.code ?? .unknown
        let isBefore = hasBegun == false || (hasBegun == nil && Self.beforeSending.contains(code))
        let failure: Failure =
            switch code {
            case .timedOut: .timeout
            case .serverCertificateHasBadDate: .certificateExpired
            case .serverCertificateNotYetValid: .certificateNotYetValid
            case .serverCertificateHasUnknownRoot: .certificateUnknownIssuer
            case .serverCertificateUntrusted: .certificate
            case .secureConnectionFailed, .clientCertificateRejected, .clientCertificateRequired,
                .appTransportSecurityRequiresSecureConnection:
                .tls
            case .cannotParseResponse, .cannotDecodeContentData, .cannotDecodeRawData, .dataLengthExceedsMaximum: .answer
            default: .network
            }
        self.init(sent: isBefore ? .notSent : .unknown, failure: failure)
    }
}
