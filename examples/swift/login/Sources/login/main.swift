// A login by the browser of this machine, and what an app does with its session. On Linux and macOS.
//
//     cargo build --release -p keyfob-uniffi
//     cd examples/swift/login
//     export LIBRARY_PATH=$PWD/../../../target/release; export LD_LIBRARY_PATH=$LIBRARY_PATH    # macOS: DYLD_LIBRARY_PATH
//     swift run login keyfob.json work-sso
//
// The redirect URI of the registration is a loopback address (http://127.0.0.1/…): Keyfob listens there while the login waits. Open the URL that is
// printed; an app would leave out `open:`, and the system's browser opens by itself.
//
// The store is sealed. On macOS its key lies in your login keychain, elsewhere in keyfob.json.key.

import Foundation
import Keyfob

guard CommandLine.arguments.count == 3 else {
    FileHandle.standardError.write(Data("usage: login CONFIG.json REGISTRATION\n".utf8))
    exit(2)
}
let (configPath, registration) = (CommandLine.arguments[1], CommandLine.arguments[2])

/// At once, also into a pipe.
@Sendable func say(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}

#if canImport(Security)
let keychain = KeychainStoreKey(service: "dev.keyfob.example", account: configPath, dataProtection: false)
#else
let keychain = KeyFile(path: configPath + ".key")
#endif

do {
    let config = try String(contentsOfFile: configPath, encoding: .utf8)
    let keyfob = try await Keyfob.open(config, transport: URLSessionTransport(), storeKey: keychain)

    // Draws the login page whenever a session has ended, whoever noticed.
    let changes = keyfob.changes
    let watching = Task {
        for await case .ended(_, let cause) in changes { say("the session is over: \(cause)") }
    }

    let login = BrowserLogin(options: LoginOptions(scopes: ["profile"]), pages: LoginPages(app: "the example"))
    say("Open this URL:\n")
    let session = try await keyfob.loginInBrowser(registration, login) { url in
        say(url)
        return true
    }.session
    say("\nHello, \(session.profile.name ?? session.providerUID)")

    // Before each request of the app: from memory while it is good, refreshed when it is due.
    let token = try await keyfob.accessToken(session.id)
    let end = token.expiresAt.map { "until \($0)" } ?? "for a time that nobody told"
    say("A token of \(token.secret.count) characters, good \(end)")

    // After a 401 of the app's own server: of all who ask, one sends a request.
    let another = try await keyfob.refreshIfCurrent(session.id, rejectedToken: token.secret)
    say("Refreshed: \(another.secret != token.secret)")

    let ended = try await keyfob.endSession(session.id)
    if case .done = ended.revocation { say("Logged out, and the provider knows it") }
    try keyfob.close()
    await watching.value
} catch let error as KeyfobError {
    // Its words are safe to show: no token, no URL query, nothing of the provider's.
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(1)
}
