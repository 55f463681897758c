import Foundation
import Keyfob

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// Something that a test needed from outside went wrong.
struct Trouble: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}

/// The program keyfob-idp, with a script, as long as a test wants it.
final class TestProvider: @unchecked Sendable {
    let issuer: String
    let folder: URL
    private let process = Process()
    private let input = Pipe()
    private let browser = Browser()

    init(_ script: String = "{}", tls: Bool = false) throws {
        guard let program = ProcessInfo.processInfo.environment["KEYFOB_IDP"] else {
            throw Trouble("KEYFOB_IDP does not name the program; `cargo xtask test swift` does")
        }
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("keyfob-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let file = folder.appendingPathComponent("script.json")
        try script.write(to: file, atomically: true, encoding: .utf8)

        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: program)
        // It ends with our end of the pipe, so it outlives no test, whatever ends that.
        process.arguments = ["--port", "0", "--script", file.path, "--until-stdin-closes"] + (tls ? ["--tls"] : [])
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var line = Data()
        while let byte = try output.fileHandleForReading.read(upToCount: 1), byte != Data([10]) {
            guard !byte.isEmpty else { throw Trouble("keyfob-idp did not start") }
            line += byte
        }
        issuer = String(decoding: line, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    deinit {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
        try? FileManager.default.removeItem(at: folder)
    }

    /// A configuration for this provider.
    var config: String {
        """
        {
          "store": { "path": "\(folder.appendingPathComponent("store").path)", "plaintext": true },
          "registrations": [
            { "id": "work-sso", "provider": "oidc", "variables": { "issuer": "\(issuer)" }, "client_id": "demo",
              "redirect_uri": "http://127.0.0.1/callback/work-sso", "scopes": ["openid", "offline_access"] }
          ]
        }
        """
    }

    /// What the user does in the browser. Gives the address that the browser is sent to, which is the app's.
    func logIn(_ url: URL, as username: String = "ada") async throws -> URL {
        try await answerForm(url, [("username", username), ("password", "lovelace"), ("decision", "allow")])
    }

    /// The same where the answer comes as a form: where the page sends it, and its body.
    func logInByForm(_ url: URL) async throws -> (URL, String) {
        let (data, _) = try await submit(url, [("username", "ada"), ("password", "lovelace"), ("decision", "allow")])
        let (action, hidden) = try form(String(decoding: data, as: UTF8.self))
        return (URL(string: action)!, body(hidden))
    }

    /// The user types the code of another device in, and agrees.
    func connect(_ login: DeviceLogin) async throws {
        let typed = [("user_code", login.userCode), ("username", "ada"), ("password", "lovelace"), ("decision", "allow")]
        let (_, answer) = try await submit(URL(string: login.verificationURI)!, typed)
        guard answer.statusCode == 200 else { throw Trouble("the device was not connected: \(answer.statusCode)") }
    }

    /// The same for a user who says no.
    func refuse(_ url: URL) async throws -> URL {
        try await answerForm(url, [("decision", "deny")])
    }

    /// A request that the provider got.
    struct Request {
        let path: String
        let grantType: String?
        let query: [String: String]
        let form: [String: String]

        init(_ json: [String: Any]) {
            path = json["path"] as? String ?? ""
            grantType = json["grant_type"] as? String
            query = Self.parameters(json["query"])
            form = Self.parameters(json["form"])
        }

        private static func parameters(_ list: Any?) -> [String: String] {
            let pairs = (list as? [[String]] ?? []).map { ($0[0], $0[1]) }
            return Dictionary(pairs, uniquingKeysWith: { first, _ in first })
        }
    }

    /// All requests since the start, or since `forget`.
    func requests() async throws -> [Request] {
        let (data, _) = try await control("GET", "/_idp/requests")
        guard let list = try JSONSerialization.jsonObject(with: data) as? [[String: Any]] else { throw Trouble("the log is no list") }
        return list.map(Request.init)
    }

    /// The log as two clients that do the same have it, as JSON.
    func maskedRequests() async throws -> Data {
        try await control("GET", "/_idp/requests/masked").0
    }

    func tokenRequests() async throws -> [Request] {
        try await requests().filter { $0.path == "/token" }
    }

    func forget() async throws {
        _ = try await control("DELETE", "/_idp/requests")
    }

    func play(_ script: String) async throws {
        let (data, answer) = try await control("PUT", "/_idp/script", script)
        guard (200..<300).contains(answer.statusCode) else { throw Trouble(String(decoding: data, as: UTF8.self)) }
    }

    private func control(_ method: String, _ path: String, _ body: String? = nil) async throws -> (Data, HTTPURLResponse) {
        var request = URLRequest(url: URL(string: issuer + path)!)
        request.httpMethod = method
        request.httpBody = body.map { Data($0.utf8) }
        return try await browser.send(request)
    }

    /// The browser goes to a page of the provider that leads on at once. Gives where it is sent.
    func open(_ page: URL) async throws -> URL {
        let (_, answer) = try await browser.send(URLRequest(url: page))
        return try location(of: answer)
    }

    private func answerForm(_ url: URL, _ typed: [(String, String)]) async throws -> URL {
        let (_, answer) = try await submit(url, typed)
        return try location(of: answer)
    }

    private func location(of answer: HTTPURLResponse) throws -> URL {
        guard let location = answer.value(forHTTPHeaderField: "Location"), let redirect = URL(string: location) else {
            throw Trouble("no redirect: \(answer.statusCode)")
        }
        return redirect
    }

    /// The form of a page: where it is sent, and its hidden fields.
    private func form(_ page: String) throws -> (String, [(String, String)]) {
        guard let start = page.range(of: "<form"), let end = page.range(of: "</form>") else { throw Trouble("no form: \(page)") }
        let form = page[start.lowerBound..<end.lowerBound]
        guard let action = attribute(form.prefix { $0 != ">" }, "action") else { throw Trouble("the form has no action") }
        let hidden = form.components(separatedBy: "<input").dropFirst().map { $0.prefix { $0 != ">" } }
            .filter { attribute($0, "type") == "hidden" }
            .map { (attribute($0, "name") ?? "", attribute($0, "value") ?? "") }
        return (action, hidden)
    }

    private func body(_ fields: [(String, String)]) -> String {
        fields.map { "\(encode($0))=\(encode($1))" }.joined(separator: "&")
    }

    private func submit(_ url: URL, _ typed: [(String, String)]) async throws -> (Data, HTTPURLResponse) {
        let (data, _) = try await browser.send(URLRequest(url: url))
        let (action, hidden) = try form(String(decoding: data, as: UTF8.self))
        guard let target = URL(string: action, relativeTo: url) else { throw Trouble("the form has no action") }
        var request = URLRequest(url: target)
        request.httpMethod = "POST"
        request.setValue("application/x-www-form-urlencoded", forHTTPHeaderField: "Content-Type")
        request.httpBody = Data(body(hidden + typed).utf8)
        return try await browser.send(request)
    }

    private func attribute(_ tag: some StringProtocol, _ name: String) -> String? {
        guard let start = tag.range(of: " \(name)=\""), let end = tag[start.upperBound...].firstIndex(of: "\"") else { return nil }
        let escapes = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")]
        return escapes.reduce(String(tag[start.upperBound..<end])) { $0.replacingOccurrences(of: $1.0, with: $1.1) }
    }

    private func encode(_ text: String) -> String {
        let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
        return text.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
    }
}

/// URLSession that follows no redirect: the address it is sent to is the app's.
final class Browser: NSObject, URLSessionTaskDelegate, @unchecked Sendable {
    private lazy var session = URLSession(configuration: .ephemeral, delegate: self, delegateQueue: nil)

    func send(_ request: URLRequest) async throws -> (Data, HTTPURLResponse) {
        try await withCheckedThrowingContinuation { continuation in
            sendAndCall(request) { continuation.resume(with: $0) }
        }
    }

    func sendAndCall(_ request: URLRequest, _ done: @escaping @Sendable (Result<(Data, HTTPURLResponse), any Error>) -> Void) {
        session.dataTask(with: request) { data, answer, error in
            if let data, let answer = answer as? HTTPURLResponse {
                done(.success((data, answer)))
            } else {
                done(.failure(error ?? Trouble("no answer")))
            }
        }.resume()
    }

    func urlSession(
        _ session: URLSession,
        task: URLSessionTask,
        willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest,
        completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }
}

/// The system's clocks, and how far they have been turned.
final class TurnedClock: KeyfobClock, @unchecked Sendable {
    private let lock = NSLock()
    private var seconds: TimeInterval = 0

    func turn(_ seconds: TimeInterval) {
        lock.withLock { self.seconds += seconds }
    }

    func wall() -> Date { Date().addingTimeInterval(lock.withLock { seconds }) }

    func boot() -> TimeInterval { ProcessInfo.processInfo.systemUptime + lock.withLock { seconds } }

    func bootID() -> String? { "one boot" }
}

extension Keyfob {
    /// A login from its beginning to its session.
    func logIn(_ provider: TestProvider, _ options: LoginOptions = LoginOptions()) async throws -> Session {
        let login = try await beginLogin("work-sso", options)
        return try await completeLogin(provider.logIn(login.authorizationURL)).session
    }
}

/// The error that a call throws.
func errorOf(_ call: () async throws -> Void) async throws -> KeyfobError {
    do {
        try await call()
    } catch let error as KeyfobError {
        return error
    }
    throw Trouble("nothing was thrown")
}
