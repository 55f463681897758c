import Foundation
import Keyfob

/// The token for a widget's timeline. An extension may be frozen at any moment, so it refreshes nothing: it uses what the app keeps fresh.
struct WidgetToken {
    enum Answer {
        case token(String)
        /// Over, or nobody is logged in: show "open the app".
        case openTheApp
        /// The device was not unlocked since its start: keep what is shown.
        case notNow
    }

    func ask() async -> Answer {
        do {
            let keyfob = try await Keyfob.open(
                Store.config(refreshing: false),
                storeKey: KeychainStoreKey(accessGroup: Store.keychainGroup)
            )
            // Before the extension is frozen: no lock, no open database.
            defer { try? keyfob.close() }
            guard let session = try await keyfob.currentSession() else { return .openTheApp }
            return .token(try await keyfob.accessToken(session.id).secret)
        } catch KeyfobError.storeUnavailable {
            return .notNow
        } catch {
            // `invalidState` with the reason `RefreshNotAllowed`, `loginRequired`, …
            return .openTheApp
        }
    }
}
