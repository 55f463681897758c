// How long `accessToken` takes for a cached token, beside a call that only gives a text back, both with texts of the same length.
// `KeyfobBench FOLDER`: a folder for the store. `cargo xtask bench bindings` runs it, and reads its last line.

import Foundation
import Keyfob

let rounds = 200
let calls = 1000

func config(_ folder: String) -> String {
    """
    { "store": { "path": "\(folder)", "plaintext": true }, "coherence_seconds": 3600, "registrations": [
      { "id": "work-sso", "provider": "oidc", "variables": { "issuer": "https://login.example.com" }, "client_id": "demo",
        "redirect_uri": "http://127.0.0.1/callback" } ] }
    """
}

func tokens(_ user: String, _ secret: String) -> ImportedTokens {
    ImportedTokens(
        registration: "work-sso", providerUID: user, accessToken: secret, expiresAt: Date(timeIntervalSinceNow: 3600))
}

func nanoseconds(since begun: ContinuousClock.Instant) -> Double {
    let (seconds, attoseconds) = (ContinuousClock.now - begun).components
    return (Double(seconds) * 1e9 + Double(attoseconds) / 1e9) / Double(calls)
}

func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

let folder = CommandLine.arguments[1]
let core = try Core(config(folder))
let keyfob = try await Keyfob.open(config(folder))
let first = try await keyfob.importSession(tokens("u-1", "x"))
let text = String(repeating: "t", count: first.id.utf8.count)
let id = try await keyfob.importSession(tokens("u-2", text)).id
let given = try await keyfob.accessToken(id).secret
precondition(given == text)

var letters = 0
var times: [(token: Double, echo: Double)] = []
for _ in 0..<2 * rounds {
    var begun = ContinuousClock.now
    for _ in 0..<calls { letters += try await keyfob.accessToken(id).secret.utf8.count }
    let token = nanoseconds(since: begun)
    begun = ContinuousClock.now
    for _ in 0..<calls { letters += try core.echo(text).utf8.count }
    times.append((token, nanoseconds(since: begun)))
}
precondition(letters == 4 * rounds * calls * text.utf8.count)
// The first half is for caches to fill and clocks of processors to rise.
let counted = times.suffix(rounds)
let ratio = median(counted.map { $0.token / $0.echo })
print("result {\"ratio\": \(ratio), \"token_nanos\": \(median(counted.map(\.token))), \"echo_nanos\": \(median(counted.map(\.echo)))}")
