import Foundation
import Keyfob
import SwiftUI

/// Who is logged in. One for the app, made once.
@MainActor
final class Accounts: ObservableObject {
    enum State: Equatable {
        case opening
        case loggedOut(because: String?)
        case loggedIn(name: String)
        case unavailable(String)
    }

    @Published private(set) var state = State.opening

    /// The library, once it is open.
    private(set) var keyfob: Keyfob?
    private var suspension: BackgroundSuspension?
    private var watching: Task<Void, Never>?

    /// At the app's start. Touches no network.
    func open() async {
        guard keyfob == nil else { return }
        do {
            let keyfob = try await Keyfob.open(
                Store.config(refreshing: true),
                transport: URLSessionTransport(),
                storeKey: KeychainStoreKey(accessGroup: Store.keychainGroup)
            )
            self.keyfob = keyfob
            suspension = BackgroundSuspension(keyfob) { error in print("suspended, but: \(error)") }
            let changes = keyfob.changes
            watching = Task { [weak self] in
                for await change in changes { await self?.hear(change) }
            }
            await show()
        } catch {
            state = .unavailable("\(error)")
        }
    }

    /// A link that opened the app. Where the redirect URI is an https link, this is how it comes when the app was killed meanwhile.
    func opened(_ url: URL) async {
        await settled()
        do { _ = try await keyfob?.completeLogin(url) } catch { print("\(error)") }
    }

    /// To wait for before the first call after the app came back.
    func settled() async { await suspension?.settled() }

    /// All that is owed, while iOS lets the app run in the background.
    func workInTheBackground() async {
        await open()
        await suspension?.resume()
        do { try await keyfob?.maintain(limit: .seconds(20)) } catch { print("\(error)") }
        await suspension?.suspend()
    }

    func logOut() async {
        guard let keyfob, let session = try? await keyfob.currentSession() else { return }
        // Over here when this returns, whatever the network does.
        do { try await keyfob.endSession(session.id) } catch { print("\(error)") }
    }

    private func hear(_ change: SessionChange) async {
        if case .ended(_, let cause) = change {
            state = .loggedOut(because: cause)
        } else {
            await show()
        }
    }

    private func show() async {
        do {
            if let session = try await keyfob?.currentSession(), session.state == .active {
                state = .loggedIn(name: session.profile.name ?? session.providerUID)
            } else {
                state = .loggedOut(because: nil)
            }
        } catch KeyfobError.storeUnavailable {
            // The device was not unlocked since its start. Nothing is lost.
            state = .unavailable("Unlock the device, then try again.")
        } catch {
            state = .unavailable("\(error)")
        }
    }
}
