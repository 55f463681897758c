// The process that a test kills, or that runs out of disk. `KeyfobVictim begin CONFIG`, `refresh CONFIG SESSION`, `full CONFIG SESSION`.

import Foundation
import Keyfob

/// Two hours from now, when every token is over.
struct Later: KeyfobClock {
    func wall() -> Date { Date(timeIntervalSinceNow: 7200) }

    func boot() -> TimeInterval { ProcessInfo.processInfo.systemUptime + 7200 }

    func bootID() -> String? { "one boot" }
}

/// Says that a token request is on its way, and never sends it.
struct Hanging: Transport {
    private let line = URLSessionTransport()

    func send(_ request: HTTPRequest) throws -> HTTPResponse {
        if request.url.hasSuffix("/token") {
            say("sending")
            Thread.sleep(forTimeInterval: 60)
        }
        return try line.send(request)
    }
}

func say(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}

/// From here on no file of this process can grow, as on a disk that is full.
func fillTheDisk() {
    signal(SIGXFSZ, SIG_IGN)
    var none = rlimit(rlim_cur: 0, rlim_max: 0)
    #if os(Linux)
    setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &none)
    #else
    setrlimit(RLIMIT_FSIZE, &none)
    #endif
}

let arguments = CommandLine.arguments
let config = try String(contentsOfFile: arguments[2], encoding: .utf8)
switch arguments[1] {
case "begin":
    let keyfob = try await Keyfob.open(config)
    say(try await keyfob.beginLogin("work-sso", LoginOptions(success: "app:/home", redirectPort: 4100)).authorizationURL.absoluteString)
    try await Task.sleep(for: .seconds(60))
case "refresh":
    let keyfob = try await Keyfob.open(config, transport: Hanging(), clock: Later())
    _ = try await keyfob.accessToken(arguments[3])
case "full":
    let keyfob = try await Keyfob.open(config, clock: Later())
    fillTheDisk()
    do {
        _ = try await keyfob.accessToken(arguments[3])
    } catch KeyfobError.storeNotWritable(let details) {
        say("storeNotWritable \(details.number) \(details.isRetryable)")
    }
default:
    say("what?")
}
