import AppAuth
import Foundation
import Keyfob
import UIKit

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

// The code of the README that is for Apple's systems, type-checked as it stands there.

@MainActor func login(_ config: String, _ window: UIWindow, _ url: URL, _ report: @escaping @Sendable (any Error) -> Void) async throws {
    var request = URLRequest(url: url)

    let keyfob = try await Keyfob.open(config, transport: URLSessionTransport(), storeKey: KeychainStoreKey())
    let suspension = BackgroundSuspension(keyfob) { error in report(error) }  // keep it; not on macOS

    let session = try await keyfob.loginInWebSession("work-sso", over: window).session
    print("Hello, \(session.profile.name ?? session.providerUID)")

    let token = try await keyfob.accessToken(session.id)  // before each request
    request.setValue("Bearer \(token.secret)", forHTTPHeaderField: "Authorization")

    func refreshInTheBackground() async {
        await suspension.resume()
        do { try await keyfob.maintain(limit: .seconds(20)) } catch { report(error) }
        await suspension.suspend()
    }

    await refreshInTheBackground()
}

func extensions(_ configThatNeverRefreshes: String) async throws {
    let shared = try await Keyfob.open(configThatNeverRefreshes, storeKey: KeychainStoreKey(accessGroup: "TEAMID.com.example.notes.shared"))
    defer { try? shared.close() }

    guard let session = try await shared.currentSession() else { return }
    print(try await shared.accessToken(session.id).isUnsaved)
}

func moveOver(_ old: OIDAuthState, to keyfob: Keyfob) async throws {
    guard let idToken = old.lastTokenResponse?.idToken ?? old.lastAuthorizationResponse.idToken,
        let user = OIDIDToken(idTokenString: idToken)?.subject
    else { return }  // without an ID token: the user's lasting id, from wherever your app has it
    _ = try await keyfob.importSession(
        ImportedTokens(
            registration: "work-sso", providerUID: user, accessToken: old.lastTokenResponse?.accessToken,
            expiresAt: old.lastTokenResponse?.accessTokenExpirationDate, refreshToken: old.refreshToken,
            scopes: old.scope?.components(separatedBy: " ") ?? []))
}
